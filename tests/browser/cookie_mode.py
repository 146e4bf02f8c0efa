"""The session in a cookie, in a real browser; `make browser` installs what it needs and runs it."""

import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import Start

SCRIPT = Path(__file__).with_name("cookie_mode.js")
SECONDS_FOR_THE_STORY = 120


def test_a_session_in_a_cookie_holds_up_in_a_real_browser(start_shared: Start) -> None:
    listed, foreign = free_ports()
    # A cookie knows hosts, not ports; the server and the pages have to share theirs.
    server = start_shared(HOST="localhost", ALLOWED_ORIGINS=f"http://localhost:{listed}")
    url = f"http://localhost:{urlsplit(server.url).port}/graphql"

    ended = subprocess.run(
        ["node", SCRIPT, url, str(listed), str(foreign)],
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_THE_STORY,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
