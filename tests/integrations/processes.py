"""Programs beside the server: scripts for Node.js, long-running ones, and nginx."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SECONDS_FOR_A_SCRIPT = 120
SECONDS_TO_LISTEN = 60


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_script(name: str, *arguments: str) -> str:
    """Run a script of this folder with Node.js to its end; return what it printed."""
    ended = subprocess.run(
        ["node", HERE / name, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_FOR_A_SCRIPT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@contextmanager
def running(port: int, *command: str | Path, directory: Path, **environment: str) -> Iterator[Path]:
    """Run a program that listens at ``port``; yield the file with its output."""
    output = directory / f"output-{port}"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            command,
            cwd=directory,
            env=os.environ | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_listening(port, process, output)
            yield output
        finally:
            process.terminate()


@contextmanager
def run_nginx(directory: Path, http: str) -> Iterator[Path]:
    """Run nginx with the lines of an ``http`` block; its first ``listen`` is waited for."""
    port = int(http.split("listen 127.0.0.1:", 1)[1].split(";", 1)[0].split(maxsplit=1)[0])
    paths = "".join(
        f"{name}_temp_path {directory};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {}\n"
        f"http {{\naccess_log off;\n{paths}{http}\n}}\n"
    )
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    command = (nginx, "-p", directory, "-c", "nginx.conf", "-e", "stderr")
    with running(port, *command, directory=directory) as output:
        yield output


def _wait_until_listening(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_LISTEN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.02)
        else:
            return
