"""The environments of those contenders that do not run in the one of graphql-auth."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PEERS = Path(__file__).parent
NODE_PEERS = ("express", "apollo_server")
FASTAPI_USERS = PEERS.parent / ".environments" / "fastapi_users"
OLDEST_NODE = (20, 19)


def install() -> None:
    """Make every environment that is missing or outdated, from lock files, and say so.

    Ends the program with one line when Node.js is missing or too old.
    """
    _check_node()
    for peer in NODE_PEERS:
        lock = PEERS / peer / "package-lock.json"
        with _once(lock, PEERS / peer / "node_modules") as needed:
            if needed:
                _run(
                    "npm",
                    "ci",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                    str(PEERS / peer),
                )
    requirements = PEERS / "fastapi_users" / "requirements.txt"
    with _once(requirements, FASTAPI_USERS) as needed:
        if needed:
            _run(sys.executable, "-m", "venv", "--clear", str(FASTAPI_USERS))
            pip = [str(FASTAPI_USERS / "bin" / "python"), "-m", "pip", "--quiet"]
            _run(*pip, "--disable-pip-version-check", "install", "--requirement", str(requirements))


def _check_node() -> None:
    version = _version_of_node()
    if version is None or tuple(map(int, version.split(".")[:2])) < OLDEST_NODE:
        found = version or "none"
        raise SystemExit(f"The contenders need Node.js 20.19 or newer ({found} is installed).")


def _version_of_node() -> str | None:
    node = shutil.which("node")
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stdout.strip().removeprefix("v")


@contextmanager
def _once(lock: Path, environment: Path) -> Iterator[bool]:
    """Yield whether the environment is not what the lock file says; note that it is, after that."""
    stamp = environment / ".installed"
    locked = lock.read_text(encoding="utf-8")
    needed = not stamp.exists() or stamp.read_text(encoding="utf-8") != locked
    if needed:
        print(f"Installing {lock.relative_to(PEERS)} …", flush=True)
    yield needed
    stamp.write_text(locked, encoding="utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own command
