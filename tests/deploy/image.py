"""`make image`: deploy/Containerfile, built and run by Debian's buildah, without Docker.

The base is Debian, from its packages, instead of an image of a registry.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphql_auth import __version__
from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.client import WELCOME, Client
from tests.conftest import KEY
from tests.integrations.processes import free_port, running
from tests.process import ROOT, ServerProcess, process_name

SECONDS_FOR_A_BUILD = 600
USER = 10001
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# How pip reaches its index from here.
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")


class Buildah:
    """The command, with images in a directory of the tests."""

    def __init__(self, directory: Path) -> None:
        self.command = [
            "buildah",
            f"--root={directory / 'root'}",
            f"--runroot={directory / 'run'}",
            "--storage-driver=vfs",
        ]

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.command, *arguments)


def find_servers(uri: str) -> list[int]:
    """The process ids of the servers in containers that use a database."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    servers = [pid for pid in pids if process_name(pid) == "graphql-auth"]
    return [pid for pid in servers if uri.encode() in Path(f"/proc/{pid}/environ").read_bytes()]


def kill_servers(uri: str) -> None:
    for pid in find_servers(uri):
        os.kill(pid, signal.SIGKILL)


def run(*arguments: str | Path) -> str:
    ended = subprocess.run(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_FOR_A_BUILD,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    if os.geteuid() != 0:
        pytest.skip("Only root can build an image without an engine")
    if missing := [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]:
        pytest.skip(
            f"There is no {' and no '.join(missing)}; scripts/deploy-packages installs them"
        )
    if not KEYRING.exists():
        pytest.skip(f"There is no {KEYRING}: the base is made on Debian")
    buildah = Buildah(tmp_path_factory.mktemp("buildah"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDAH_ISOLATION", "chroot")
        yield buildah
        buildah("rm", "--all")
        buildah("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def base(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Debian with Python, which reaches the index of packages as this machine does."""
    directory = tmp_path_factory.mktemp("base")
    packages = "--include=python3-minimal,python3-venv,ca-certificates"
    tar = directory / "base.tar"
    # apt reads the lists as another user, which not every machine lets it do.
    as_root = '--aptopt=APT::Sandbox::User "root"'
    run("mmdebstrap", "--variant=minbase", packages, as_root, "bookworm", tar)
    (directory / "pip.conf").write_text(f"[global]\ncert = {TRUSTED}\n")
    shutil.copy(TRUSTED, directory / "certificates.crt")
    (directory / "Containerfile").write_text(
        "FROM scratch\nADD base.tar /\n"
        f"COPY certificates.crt {TRUSTED}\nCOPY pip.conf /etc/pip.conf\n"
    )
    buildah("build", "--tag=localhost/base", directory)
    tar.unlink()
    return "localhost/base"


@pytest.fixture(scope="module")
def image(buildah: Buildah, base: str) -> str:
    file = ROOT / "deploy" / "Containerfile"
    options = ("--format=docker", f"--build-arg=BASE={base}", "--tag=localhost/graphql-auth")
    printed = buildah("build", *options, f"--file={file}", ROOT)
    print(printed)
    return "localhost/graphql-auth"


@pytest.fixture(scope="module")
def config(buildah: Buildah, image: str) -> dict[str, Any]:
    inspected = json.loads(buildah("inspect", "--type=image", image))
    return dict(inspected["Docker"]["config"])


@pytest.fixture(scope="module")
def container(buildah: Buildah, image: str) -> str:
    return buildah("from", image).split()[-1]


def test_server_listens_on_all_interfaces_as_another_user(config: dict[str, Any]) -> None:
    assert config["User"] == str(USER)
    assert "HOST=0.0.0.0" in config["Env"]
    assert list(config["ExposedPorts"]) == ["4001/tcp"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Cmd"] == ["serve"]


def test_image_has_no_mongod_and_no_tools(
    buildah: Buildah, container: str, config: dict[str, Any]
) -> None:
    version = buildah("run", container, "--", *config["Entrypoint"], "--version")
    files = buildah("run", container, "--", "find", "/opt", "/usr", "-name", "mongod")
    packages = buildah("run", container, "--", "/opt/graphql-auth/bin/pip", "list")

    assert __version__ in version
    assert files == ""
    assert "graphql-auth" in packages
    assert not re.search("fiftyone|hatchling|pytest", packages)


def test_user_of_the_image_can_write_nothing_of_it(buildah: Buildah, container: str) -> None:
    outside = " -o ".join(f"-path {path}" for path in ("/dev", "/proc", "/sys"))
    find = f"find / -xdev \\( {outside} \\) -prune -o -writable ! -type l -print"
    script = f"id -u; {find} 2>&1 | grep -v 'Permission denied'"

    user, *writable = buildah("run", container, "--", "sh", "-c", script).split()

    assert int(user) == USER
    assert {*writable} <= {"/tmp", "/var/tmp", "/var/lock", "/run/lock"}


@contextmanager
def run_mongod(directory: Path) -> Iterator[str]:
    """Run a MongoDB that a container reaches, and yield the URI of a database."""
    port = free_port()
    (directory / "mongodb").mkdir()
    options = ("--bind_ip=127.0.0.1", "--nounixsocket", "--dbpath", directory / "mongodb")
    with running(port, find_mongod(), "--port", str(port), *options, directory=directory):
        yield f"mongodb://127.0.0.1:{port}/accounts"


def test_container_serves_and_stops(
    buildah: Buildah, container: str, config: dict[str, Any], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        uri = stack.enter_context(run_mongod(tmp_path))
        given = {"MONGO_URI": uri, "TOKEN_KEY": KEY, "HOST": "127.0.0.1", "PORT": "0"}
        settings = [f"--env={name}={value}" for name, value in given.items()]
        started = [*config["Entrypoint"], *config["Cmd"]]
        output = tmp_path / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*buildah.command, "run", *settings, container, "--", *started],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        stack.callback(process.wait)
        stack.callback(kill_servers, uri)
        server = ServerProcess(process, output)
        url = httpx.URL(server.url)

        for path in ("/livez", "/readyz"):
            assert httpx.get(url.copy_with(path=path)).status_code == 200
        with Client(server.url) as client:
            token = client.token()
            assert client.ask(WELCOME, token=token) == {"data": {"welcome": "Welcome 🙌"}}
        (pid,) = find_servers(uri)
        assert f"Uid:\t{USER}\t{USER}" in Path(f"/proc/{pid}/status").read_text()
        os.kill(pid, signal.SIGTERM)
        assert server.wait() == 0, server.output
