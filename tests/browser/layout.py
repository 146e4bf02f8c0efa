"""The playground on narrow and wide screens; `make browser` installs what it needs and runs it."""

from urllib.parse import urlsplit

from tests.browser.stage import play
from tests.conftest import Start


def test_the_playground_fits_each_screen_and_axe_finds_nothing(start_shared: Start) -> None:
    server = start_shared(HOST="localhost")

    play("layout.js", f"http://localhost:{urlsplit(server.url).port}/graphql")
