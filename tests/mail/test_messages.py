"""Messages, as they arrive."""

import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from graphql_auth.mail.messages import FRAGMENTS, VARIABLES, Template
from graphql_auth.services import ServiceContainer
from tests.mail.mailbox import Mailbox, issue_links, send_due, text_of
from tests.services import SETTINGS, Clock, NewServices

pytestmark = pytest.mark.anyio

TOKEN = "the-id.the-secret"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def services(new_services: NewServices, mailbox: Mailbox) -> ServiceContainer:
    return await new_services(mailbox)


async def arrive(
    services: ServiceContainer,
    mailbox: Mailbox,
    template: Template,
    to: str = "ada@example.com",
    **values: str,
) -> EmailMessage:
    """Send a mail that is good for an hour after the time of the test clock, as it travels."""
    issue_links(services, [TOKEN])
    expires_at = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
    link = "the-id" if template in FRAGMENTS else None
    await services.outbox.add(template, to, link=link, values=values, expires_at=expires_at)
    await send_due(services)
    return email.message_from_bytes(bytes(mailbox.messages[-1]), policy=email.policy.default)


async def test_message_has_the_headers_of_an_automatic_one(
    services: ServiceContainer, mailbox: Mailbox
) -> None:
    message = await arrive(services, mailbox, Template.PASSWORD_CHANGED)

    number, _, domain = message["Message-ID"].strip("<>").partition("@")
    assert (len(number), domain) == (24, "example.com")
    assert {name: value for name, value in message.items() if "-I" not in name} == {
        "From": "Example <no-reply@example.com>",
        "To": "ada@example.com",
        "Subject": "Your password at app.example.com has changed",
        "Date": "Fri, 15 Jan 2027 08:00:00 +0000",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    # The last one is shown if possible.
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


@pytest.mark.parametrize("template", Template)
async def test_each_template_makes_a_text_and_the_same_page(
    template: Template, services: ServiceContainer, mailbox: Mailbox
) -> None:
    names = set(VARIABLES.get(template, ())) - {"link", "valid_for"}
    values = dict.fromkeys(names, "shown@example.org")
    message = await arrive(services, mailbox, template, **values)
    text, html = text_of(message), text_of(message, "html")

    assert "app.example.com" in message["Subject"]
    assert ("shown@example.org" in text) is bool(values)
    assert not {"{", "None"} & {*text, *text.split()}
    for line in text.splitlines():
        assert line in html
        assert len(line) <= 90
    # Text first, one link, and nothing that is loaded, so that nobody sees when it is read.
    links = [line for line in text.splitlines() if "://" in line]
    expected = "https://app.example.com/"
    if template in FRAGMENTS:
        expected += f"#{FRAGMENTS[template]}={TOKEN}"
    assert links == ([] if template is Template.EMAIL_CHANGED else [expected])
    assert html.count("://") == len(links)
    assert all(f'href="{link}"' in html for link in links)
    assert "src=" not in html


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(31, "1 minute"), (3600, "60 minutes"), (5400, "2 hours"), (86_400, "24 hours")],
)
async def test_link_says_how_long_it_works(
    services: ServiceContainer, mailbox: Mailbox, clock: Clock, seconds: int, shown: str
) -> None:
    issue_links(services, [TOKEN])
    expires_at = datetime.fromtimestamp(clock() + seconds, UTC)
    await services.outbox.add(
        Template.RESET_PASSWORD, "ada@example.com", link="the-id", expires_at=expires_at
    )
    await send_due(services)

    assert f"within {shown}:" in text_of(mailbox.messages[0]).replace("\n", " ")


async def test_time_is_that_of_the_event(
    services: ServiceContainer, mailbox: Mailbox, clock: Clock
) -> None:
    expires_at = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=1)
    await services.outbox.add(Template.PASSWORD_CHANGED, "ada@example.com", expires_at=expires_at)
    clock.time += 600
    await send_due(services)

    assert "2027-01-15 08:00 UTC" in text_of(mailbox.messages[0])


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=https://evil.example>',
    "\n\nhttps://evil.example\n\n",
    "\r\nBcc: eve@evil.example\r\n\r\n",
    "{{ link }} {% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}moc.elpmaxe@ada",
    "=?utf-8?q?Bcc:?=",
    ".\r\n.\r\nRCPT TO:<eve@evil.example>",
    "\x1b[2J\0",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_value_stays_within_its_paragraph(
    value: str, services: ServiceContainer, mailbox: Mailbox
) -> None:
    usual = await arrive(services, mailbox, Template.EMAIL_CHANGED, new_email="NEW")
    message = await arrive(services, mailbox, Template.EMAIL_CHANGED, new_email=value)
    text, html = text_of(message), text_of(message, "html")

    assert [*message.keys()] == [*usual.keys()]
    assert message["Subject"] == usual["Subject"]
    assert len(text.splitlines()) == len(text_of(usual).splitlines())
    assert html.count("<") == text_of(usual, "html").count("<")
    assert html.count('"') == text_of(usual, "html").count('"')
    assert not {"\x1b", "\0", "\N{RIGHT-TO-LEFT OVERRIDE}"} & {*text, *html}


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@example.com, eve@evil.example",
        "ada@example.com\n",
        "Ada <ada@example.com>",
        "ada@example.com> SIZE=1",
        '"ada eve@evil.example "@example.com',
        "no e-mail",
        "",
    ],
)
async def test_recipient_that_is_no_email_gets_nothing(
    to: str,
    services: ServiceContainer,
    mailbox: Mailbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expires_at = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
    await services.outbox.add(Template.PASSWORD_CHANGED, to, expires_at=expires_at)
    await send_due(services)

    assert mailbox.tries == 0
    assert "is not sent: the user has no valid e-mail" in caplog.text
    assert "eve" not in caplog.text


@pytest.mark.parametrize(
    ("to", "sent_to"),
    [
        ("ada@exämple.com", "ada@xn--exmple-cua.com"),
        ("ada@xn--exmple-cua.com", "ada@xn--exmple-cua.com"),
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+tag@example.test", "ada+tag@example.test"),
    ],
)
async def test_domain_is_sent_in_ascii(
    to: str, sent_to: str, services: ServiceContainer, mailbox: Mailbox
) -> None:
    message = await arrive(services, mailbox, Template.PASSWORD_CHANGED, to)

    assert message["To"] == sent_to


@pytest.mark.parametrize(
    ("to", "mail_from", "expected"),
    [
        ("dörte@exämple.com", "d@x.com", ["From: d@x.com", "To: dörte@xn--exmple-cua.com"]),
        ("ada@x.com", "dörte@x.com", ["From: dörte@x.com", "To: ada@x.com"]),
        ("ada@x.com", "D ö <d@x.com>", ["From: D =?utf-8?q?=C3=B6?= <d@x.com>", "To: ada@x.com"]),
    ],
)
async def test_local_part_is_never_encoded(
    to: str,
    mail_from: str,
    expected: list[str],
    new_services: NewServices,
    mailbox: Mailbox,
) -> None:
    """RFC 6532: it is UTF-8. RFC 2047 section 5 allows encoded words in names only."""
    sender = SETTINGS.model_validate({"mail_from": mail_from}).mail_from
    services = await new_services(mailbox, mail_from=sender)
    await arrive(services, mailbox, Template.PASSWORD_CHANGED, to)
    head, _, _ = bytes(mailbox.messages[0]).partition(b"\r\n\r\n")

    lines = head.decode().splitlines()
    assert [line for line in lines if line.startswith(("From:", "To:"))] == expected


@pytest.mark.parametrize(
    ("setting", "sender", "domain"),
    [
        ("no-reply@example.com", "no-reply@example.com", "example.com"),
        ("Dörte <d@exämple.com>", "Dörte <d@xn--exmple-cua.com>", "xn--exmple-cua.com"),
        ('"Ada, Bob" <d@example.com>', '"Ada, Bob" <d@example.com>', "example.com"),
    ],
)
async def test_sender_is_mail_from(
    setting: str, sender: str, domain: str, new_services: NewServices, mailbox: Mailbox
) -> None:
    mail_from = SETTINGS.model_validate({"mail_from": setting}).mail_from
    services = await new_services(mailbox, mail_from=mail_from)
    message = await arrive(services, mailbox, Template.PASSWORD_CHANGED)

    assert message["From"] == sender
    assert message["Message-ID"].endswith(f"@{domain}>")


async def test_file_of_the_operator_replaces_ours(
    new_services: NewServices, mailbox: Mailbox, tmp_path: Path
) -> None:
    (tmp_path / "password_changed.txt").write_text(
        "Subject: Passwort geändert\n\nHallo von {{ app }}, {% include '_end.txt' %}"
    )
    (tmp_path / "_end.txt").write_text("Grüße\n")
    (tmp_path / "password_changed.html").write_text("<b>{{ subject }}</b>{{ paragraphs[0] }}")
    services = await new_services(mailbox, mail_templates=tmp_path)
    message = await arrive(services, mailbox, Template.PASSWORD_CHANGED)
    other = await arrive(services, mailbox, Template.NEW_DEVICE, ip_address="192.0.2.1")

    assert message["Subject"] == "Passwort geändert"
    assert text_of(message) == "Hallo von app.example.com, Grüße\n"
    assert (
        text_of(message, "html").strip()
        == "<b>Passwort geändert</b>Hallo von app.example.com, Grüße"
    )
    assert "192.0.2.1" in text_of(other, "html")
