from email.message import EmailMessage

import pytest

from graphql_auth.errors import StartError
from graphql_auth.mail.mailer import ConsoleMailer
from graphql_auth.runtime import output

pytestmark = pytest.mark.anyio


def message(text: str) -> EmailMessage:
    made = EmailMessage()
    made["To"] = "ada@example.com"
    made["Subject"] = "Hello"
    made.set_content(text)
    return made


async def test_message_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    await ConsoleMailer().send(message("One\n\nhttp://localhost/#" + "x" * 100 + "\n\x1b[2J\n"))

    printed = capsys.readouterr().out.splitlines()
    # The link is not broken into two lines.
    link = "  http://localhost/#" + "x" * 100
    assert printed == ["Mail to ada@example.com: Hello", "  One", "  ", link, "  \\x1b[2J"]


async def test_message_without_a_text_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    page = EmailMessage()
    page["To"], page["Subject"] = "ada@example.com", "Hello"
    page.set_content("<p>Hello</p>", subtype="html")
    await ConsoleMailer().send(page)

    assert capsys.readouterr().out == "Mail to ada@example.com: Hello\n"


async def test_closed_output_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_text: str) -> None:
        raise StartError("Cannot write to standard output.")

    monkeypatch.setattr(output, "write", fail)

    await ConsoleMailer().send(message("Hello"))
