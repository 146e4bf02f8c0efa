"""What the tests that step a clock rely on."""

import re
import subprocess
import sys
import time
from datetime import UTC, datetime

from tests.client import Client
from tests.conftest import Start
from tests.process import ServerProcess, environment
from tests.wall_clock import WallClock

HOUR = 3600


def hours_ahead(server: ServerProcess) -> int:
    """How far the last line of the server's log is ahead of the machine's clock."""
    (*_, stamp) = re.findall(r"^(\d{4}-\S+Z) INFO graphql_auth", server.output, re.MULTILINE)
    return round((datetime.fromisoformat(stamp) - datetime.now(UTC)).total_seconds() / HOUR)


def test_log_lines_of_a_server_follow_its_stepped_clock(
    start: Start, wall_clock: WallClock
) -> None:
    server = start(**wall_clock.settings)
    seen = []
    with Client(server.url) as client:
        for hours in (0, 3, -2, 0):
            wall_clock.set(hours * HOUR)
            client.register()
            seen.append(hours_ahead(server))

    assert seen == [0, 3, -2, 0]


def test_monotonic_clock_does_not_follow_a_step(wall_clock: WallClock) -> None:
    program = "import time\nwhile input(): print(time.time(), time.monotonic(), flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment(**wall_clock.settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for hours in (3, -2):
        wall_clock.set(hours * HOUR)
        before = time.monotonic()
        process.stdin.write("go on\n")
        process.stdin.flush()
        wall, monotonic = map(float, process.stdout.readline().split())

        assert round((wall - time.time()) / HOUR) == hours
        assert before <= monotonic <= time.monotonic()
    process.communicate("\n", timeout=30)
