"""Stories that a real browser plays against a server; each is a script for Node.js."""

import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

STORIES = Path(__file__).parent
SECONDS_FOR_A_STORY = 240


def play(story: str, *arguments: str) -> str:
    """Play a story to its end; returns what it printed. Differences fail the test."""
    ended = subprocess.run(
        ["node", STORIES / story, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_FOR_A_STORY,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def free_ports(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]
