import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphql_auth.runtime.signals import HANDLED, Stopped, StopSignals, block_signals
from tests.conftest import KEY, Start
from tests.process import environment

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("without_coverage")]


@pytest.fixture
def signals() -> Iterator[StopSignals]:
    signals = StopSignals()
    before = signals.install()
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", HANDLED)
def test_a_signal_is_noted_and_raised_where_the_program_asks(
    signals: StopSignals, number: int
) -> None:
    signals.pause(0)

    signal.raise_signal(number)

    assert signals.has_come
    assert not signals.is_urgent
    for ask in (signals.check, lambda: signals.pause(0)):
        with pytest.raises(Stopped) as stopped:
            ask()
        assert stopped.value.number == number


def test_ctrl_c_twice_is_urgent(signals: StopSignals) -> None:
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)

    assert signals.is_urgent


def test_callback_is_called_for_a_signal_before_and_in_the_block(signals: StopSignals) -> None:
    called: list[str] = []

    signal.raise_signal(signal.SIGTERM)
    with signals.on_signal(lambda: called.append("called")):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)

    assert called == ["called"] * 2


def test_a_blocked_signal_comes_when_a_process_unblocks_it() -> None:
    program = (
        "import os, signal; from graphql_auth.runtime.signals import StopSignals\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signals = StopSignals(); signals.install(); print(signals.has_come)"
    )
    with block_signals():
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        output, _ = child.communicate(timeout=30)

    assert (child.returncode, output) == (0, b"True\n")
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(HANDLED)


@pytest.mark.parametrize(
    ("arguments", "delay"),
    [((), 0.0), ((), 0.05), (("--workers", "2"), 0.0), (("--reload",), 0.05)],
)
def test_sigterm_right_after_the_banner_ends_the_server(
    tmp_path: Path, database_uri: str, arguments: tuple[str, ...], delay: float
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "graphql_auth", "serve", "--port", "0", *arguments],
        cwd=tmp_path,
        env=environment(MONGO_URI=database_uri, TOKEN_KEY=KEY),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().endswith("is ready.\n")
        time.sleep(delay)

        server.send_signal(signal.SIGTERM)

        assert server.wait(30) == 0
        # On a busy machine a worker can take too long, which is logged.
        expected = (" INFO ", "did not end and is killed")
        others = [line for line in server.stdout if not any(text in line for text in expected)]
        assert len(others) == 3


@pytest.mark.parametrize(
    ("point", "number", "status"),
    [
        ("getaddrinfo", signal.SIGTERM, 0),
        ("bind", signal.SIGINT, 130),
        ("_spawn", signal.SIGTERM, 0),
        ("_check", signal.SIGINT, 130),
    ],
)
def test_a_signal_during_the_start_ends_it(
    tmp_path: Path, point: str, number: int, status: int
) -> None:
    """The signal comes in a destructor, where what a handler raises would be lost."""
    program = (
        "import os, signal, socket, sys\n"
        "import graphql_auth.server.serve, graphql_auth.embedded_mongo.mongod\n"
        "from graphql_auth.__main__ import main\n"
        "class Interrupting:\n"
        f"    def __del__(self): signal.raise_signal({number})\n"
        f"point = {point!r}\n"
        "for place in (graphql_auth.server.serve, graphql_auth.embedded_mongo.mongod, socket):\n"
        "    if hasattr(place, point):\n"
        "        def interrupted(*given, call=getattr(place, point), **named):\n"
        "            Interrupting()\n"
        "            return call(*given, **named)\n"
        "        setattr(place, point, interrupted)\n"
        "        break\n"
        "else:\n"
        "    class Listener(socket.socket):\n"
        "        def bind(self, address):\n"
        "            Interrupting()\n"
        "            super().bind(address)\n"
        "    socket.socket = Listener\n"
        "sys.argv = ['graphql-auth', 'serve', '--port', '0']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (status, b"", b"")


def test_signals_at_the_very_end_change_nothing(tmp_path: Path) -> None:
    program = (
        "import atexit, os, signal, sys\n"
        "from graphql_auth.__main__ import main\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    atexit.register(os.kill, os.getpid(), number)\n"
        "sys.argv = ['graphql-auth', 'schema']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
def test_many_signals_end_a_server_cleanly(
    start: Start, database_uri: str, arguments: tuple[str, ...]
) -> None:
    server = start(*arguments, MONGO_URI=database_uri, TOKEN_KEY=KEY)

    for _ in range(20):
        os.killpg(server.process.pid, signal.SIGTERM)
        time.sleep(0.005)

    assert server.process.wait(30) == 0
    assert [line for line in server.output.splitlines() if " INFO " not in line][-1].endswith("C")


@pytest.mark.parametrize("number", HANDLED)
def test_command_in_the_background_of_a_script_leaves_ctrl_c_to_others(number: int) -> None:
    """A shell without job control starts it with SIGINT ignored."""
    program = (
        "import asyncio, signal\n"
        "from graphql_auth.runtime.event_loop import run\n"
        "async def work():\n"
        f"    signal.raise_signal({int(number)})\n"
        "    await asyncio.sleep(0.1)\n"
        "    return 'done'\n"
        "print(run(work()))\n"
    )

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    ended = subprocess.run(
        [sys.executable, "-c", program],
        preexec_fn=ignore,
        capture_output=True,
        check=False,
    )

    assert ended.stderr == b""
    is_ignored = number == signal.SIGINT
    assert (ended.returncode, ended.stdout) == ((0, b"done\n") if is_ignored else (-number, b""))
