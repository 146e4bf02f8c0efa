"""Crashes, races, broken files and clocks during a rotation of keys sign nobody out."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import WELCOME, Client, extensions, registration
from tests.conftest import Start
from tests.process import ServerProcess, environment, run_command
from tests.tokens.keys import encode, new_key, set_age, write_key, write_keys
from tests.wall_clock import WallClock

REGISTER = "mutation ($input: RegisterInput!) { done: register(input: $input) { %s } }"
REFRESH = "mutation ($input: RefreshTokenInput!) { done: refreshToken(input: $input) { %s } }"
TOKENS = "token refreshToken"
# An unknown key has the directory read again, at most once a second.
SECONDS_BETWEEN_READS = 1.1
SECONDS_FOR_CRASHES = 120
HOURS = 3 * 3600


Steady = tuple[ServerProcess, Path, "Session"]


class Session:
    """Somebody who is signed in, and looks whether they still are."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        answer = self._ask(REGISTER, {"input": registration()})
        self.token: str = answer["token"]
        self._refresh_token: str = answer["refreshToken"]

    def move_to(self, server: ServerProcess) -> None:
        self._server = server

    def check(self) -> None:
        """Use the access token, get the next one, and use that."""
        self.use()
        answer = self._ask(REFRESH, {"input": {"refreshToken": self._refresh_token}})
        self.token, self._refresh_token = answer["token"], answer["refreshToken"]
        self.use()

    def use(self) -> None:
        with Client(self._server.url) as client:
            assert client.ask(WELCOME, token=self.token)["data"]

    def _ask(self, query: str, values: dict[str, Any]) -> dict[str, Any]:
        with Client(self._server.url) as client:
            answer = client.ask(query.replace("%s", TOKENS), values)
        assert "errors" not in answer, answer
        return dict(answer["data"]["done"])


def published(server: ServerProcess) -> set[str]:
    url = server.url.removesuffix("/graphql") + "/.well-known/jwks.json"
    return {key["kid"] for key in httpx.get(url).json()["keys"]}


def have_it_read(server: ServerProcess, session: Session) -> None:
    """Have the directory read again, by a token of an unknown key."""
    time.sleep(SECONDS_BETWEEN_READS)
    header = f'{{"alg":"ES256","kid":"{encode(bytes(32))}","typ":"at+jwt"}}'
    token = f"{encode(header.encode())}.{session.token.partition('.')[2]}"
    with Client(server.url) as client:
        assert extensions(client.ask(WELCOME, token=token))["reason"] == "TOKEN_INVALID"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the key that signs and its successor."""
    return write_keys(tmp_path / "keys", new_key("ES256"))


@pytest.fixture
def server(start: Start, keys: Path) -> ServerProcess:
    return start(SIGNING_KEYS=str(keys))


@pytest.fixture
def session(server: ServerProcess) -> Session:
    return Session(server)


def crash_everywhere(directory: Path, copies: Path, *command: str) -> list[Path]:
    """Kill a command before each of its lines; return the different directories that are left."""
    copies.mkdir()
    subprocess.run(
        [sys.executable, Path(__file__).with_name("crash.py"), directory, copies, *command],
        env=environment(SIGNING_KEYS=str(directory)),
        timeout=SECONDS_FOR_CRASHES,
        check=True,
        capture_output=True,
    )
    found = {contents(one): one for one in copies.iterdir()}
    return list(found.values())


def contents(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """What is in a directory; the names of its files are random."""
    found = [(file.suffix, file.stat()) for file in directory.iterdir()]
    return tuple(sorted((suffix, stat.st_size, stat.st_mode) for suffix, stat in found))


@pytest.mark.parametrize("command", ["new", "retire"])
def test_crash_between_any_two_steps_signs_nobody_out(
    command: str, start: Start, server: ServerProcess, keys: Path, session: Session
) -> None:
    arguments = ["keys", command]
    if command == "retire":
        arguments += ["--", write_key(keys, new_key("ES256", 1), seconds_ago=9).stem]
    left = crash_everywhere(keys, keys.with_name("copies"), *arguments)
    assert len(left) > 1

    for directory in left:
        # As the directory of the server that runs, and of one that starts.
        shutil.rmtree(keys)
        shutil.copytree(directory, keys)
        have_it_read(server, session)
        session.check()
        assert new_key("ES256").kid in published(server)
        other = start(SIGNING_KEYS=str(keys))
        session.move_to(other)
        session.check()
        again = run_command(keys.parent, "keys", "new", SIGNING_KEYS=str(keys))
        assert again.returncode == 0, again.stderr
        session.move_to(server)
        session.check()
        other.stop()


def test_four_new_keys_at_once_sign_nobody_out(
    server: ServerProcess, keys: Path, session: Session
) -> None:
    command = [sys.executable, "-m", "graphql_auth", "keys", "new"]
    started = [subprocess.Popen(command, env=environment(SIGNING_KEYS=str(keys))) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4

    have_it_read(server, session)
    session.check()
    made = {file.stem for file in keys.glob("*.pem")}
    assert len(made) == 5
    assert published(server) == made


def write_half(file: Path, content: bytes) -> None:
    file.write_bytes(content[: len(content) // 2])


def dangle(file: Path, _: bytes) -> None:
    file.symlink_to(file.with_suffix(".missing"))


# A pipe would block a process that opens it.
BROKEN: dict[str, Callable[[Path, bytes], object]] = {
    "half written": write_half,
    "empty": lambda file, _: file.touch(),
    "no PEM": lambda file, _: file.write_text("no key"),
    "no text": lambda file, _: file.write_bytes(bytes(range(256))),
    "public key": lambda file, _: file.write_bytes(new_key("ES256", 1).public("PEM")),
    "another curve": lambda file, _: file.write_bytes(new_key("P-384").pem),
    "short": lambda file, _: file.write_bytes(new_key("RSA 1024").pem),
    "directory": lambda file, _: file.mkdir(),
    "dangling link": dangle,
    "pipe": lambda file, _: os.mkfifo(file),
}


@pytest.fixture(scope="module")
def steady(start_shared: Start, tmp_path_factory: pytest.TempPathFactory) -> Steady:
    """A server whose directory each test leaves with one key more."""
    keys = write_keys(tmp_path_factory.mktemp("steady") / "keys", new_key("ES256"))
    server = start_shared(SIGNING_KEYS=str(keys))
    return server, keys, Session(server)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_signs_nobody_out(kind: str, steady: Steady) -> None:
    server, keys, session = steady
    file, key = keys / f"{kind}.pem", new_key("ES256", 10 + [*BROKEN].index(kind))
    before = published(server)

    BROKEN[kind](file, key.pem)
    if file.is_file():
        file.chmod(0o600)
    have_it_read(server, session)
    session.check()
    assert published(server) == before
    if file.exists():
        server.wait_for_output(f"{kind}.* The keys that were read before stay in use")
    assert secret_lines(key.pem) not in server.output

    # It is mended: the file has all of the key.
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    write_key(keys, key)
    have_it_read(server, session)
    session.check()
    assert published(server) == before | {key.kid}


def secret_lines(pem: bytes) -> str:
    return pem.decode().splitlines()[1]


def test_directory_that_is_away_for_a_time_signs_nobody_out(
    server: ServerProcess, keys: Path, session: Session
) -> None:
    before = published(server)
    away = keys.rename(keys.with_name("away"))
    have_it_read(server, session)
    session.check()
    assert published(server) == before

    # As a volume that is mounted again, first without its files.
    keys.mkdir(mode=0o700)
    have_it_read(server, session)
    session.check()
    assert published(server) == before

    keys.rmdir()
    away.rename(keys)
    have_it_read(server, session)
    session.check()
    assert published(server) == before


@pytest.mark.parametrize("step", [HOURS, -HOURS])
def test_clock_that_steps_signs_nobody_out(
    step: int, start: Start, keys: Path, wall_clock: WallClock
) -> None:
    wall_clock.set(0)
    write_key(keys, new_key("ES256", 1), seconds_ago=600)
    server = start(SIGNING_KEYS=str(keys), **wall_clock.settings)
    session = Session(server)
    both = published(server)
    assert len(both) == 2

    for offset in (step, 0, -step, 0):
        wall_clock.set(offset)
        have_it_read(server, session)
        session.check()
        assert published(server) == both


def test_keys_of_the_future_and_of_one_time_sign_nobody_out(
    server: ServerProcess, keys: Path, session: Session
) -> None:
    """As after a restored backup, or a copy by a machine whose clock is fast."""
    for number, age in enumerate((-HOURS, 2 * HOURS, 2 * HOURS), 1):
        write_key(keys, new_key("ES256", number), seconds_ago=age)
        have_it_read(server, session)
        session.check()
    for file in keys.iterdir():
        set_age(file, 2 * HOURS)
    have_it_read(server, session)
    session.check()
    assert len(published(server)) == 4


def test_first_key_of_two_servers_signs_nobody_out(start: Start, tmp_path: Path) -> None:
    """The directory is empty at first, so that none of them signs what the other does not know."""
    keys = write_keys(tmp_path / "keys")
    servers = [start(SIGNING_KEYS=str(keys)) for _ in range(2)]
    sessions = [Session(server) for server in servers]

    write_key(keys, new_key("ES256"))
    have_it_read(servers[0], sessions[0])
    for turn in range(4):
        for number, session in enumerate(sessions):
            session.check()
            session.move_to(servers[(number + turn) % 2])
            session.use()

    assert published(servers[0]) == published(servers[1]) == {new_key("ES256").kid}
