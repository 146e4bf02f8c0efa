"""Links in mails, opened in the playground, in a real browser; `make browser` runs it."""

from pathlib import Path

from tests.browser.stage import play
from tests.conftest import Start


def test_a_person_uses_links_of_mails_in_the_playground(
    start_embedded: Start, tmp_path: Path
) -> None:
    server = start_embedded("--dev", SIGN_IN_LINKS="on")
    (terminal,) = tmp_path.glob("output-*")

    print(play("mail_links.js", server.url, str(terminal)))
