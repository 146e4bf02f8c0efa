"""Pages of a frontend's development server beside `serve --dev`, in a real browser."""

from tests.browser.stage import free_ports, play
from tests.conftest import Start


def test_page_on_localhost_signs_in_by_cookie_without_a_setting(start_embedded: Start) -> None:
    (port,) = free_ports(1)
    server = start_embedded("--dev")

    print(play("dev_mode.js", server.url, port))
