"""Which pages can keep a cookie, in a real browser; and what its console says about CORS."""

from urllib.parse import urlsplit

from tests.browser.stage import free_ports, play
from tests.conftest import Start


def test_server_refuses_cookies_exactly_where_browser_drops_them(start_shared: Start) -> None:
    listed, other = free_ports(2)
    hosts = ["localhost", "127.0.0.1", "app.localhost", "page.app.localhost", "page.lan"]
    origins = ",".join(f"http://{host}:{listed}" for host in hosts)
    server = start_shared(HOST="0.0.0.0", ALLOWED_ORIGINS=origins)

    play("origins.js", str(urlsplit(server.url).port), listed, other)
