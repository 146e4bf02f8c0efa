"""The session in a cookie, in a real browser; `make browser` installs what it needs and runs it."""

from urllib.parse import urlsplit

from tests.browser.stage import free_ports, play
from tests.conftest import Start


def test_a_session_in_a_cookie_holds_up_in_a_real_browser(start_shared: Start) -> None:
    listed, foreign = free_ports(2)
    # A cookie knows hosts, not ports; the server and the pages have to share theirs.
    server = start_shared(HOST="localhost", ALLOWED_ORIGINS=f"http://localhost:{listed}")

    play("cookie_mode.js", f"http://localhost:{urlsplit(server.url).port}/graphql", listed, foreign)
