"""The playground, in a real browser; `make browser` installs what it needs and runs it."""

from urllib.parse import urlsplit

from tests.browser.stage import play
from tests.conftest import Start


def test_a_person_signs_in_and_stays_signed_in_without_touching_a_header(
    start_shared: Start,
) -> None:
    server = start_shared(HOST="localhost", TOKEN_TTL="5s")

    print(play("playground.js", f"http://localhost:{urlsplit(server.url).port}/graphql"))
