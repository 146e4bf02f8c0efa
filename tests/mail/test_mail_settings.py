"""Which settings mail needs, and which mailer they choose."""

import subprocess
import sys

import pytest

from graphql_auth.errors import StartError
from graphql_auth.mail.mailer import ConsoleMailer
from graphql_auth.mail.smtp import SmtpMailer
from graphql_auth.services import create_services
from graphql_auth.settings import DevSettings
from tests.mail.mailbox import Mailbox, sender_of
from tests.services import SETTINGS


@pytest.mark.parametrize("missing", ["mail_from", "app_url"])
def test_mail_needs_a_sender_and_a_url(missing: str) -> None:
    settings = SETTINGS.model_copy(update={missing: None})

    with pytest.raises(StartError, match=r"Mail needs MAIL_FROM, such as .*, and APP_URL\."):
        create_services(settings, mailer=Mailbox())


@pytest.mark.parametrize(
    "url",
    [
        *("1", "", "app.example.com", "https://", "javascript:alert(1)", "ftp://app.example.com"),
        *("http://app.example.com", "http://localhost.example.com", "https://a@app.example.com"),
        *("https://ada:secret@app.example.com", "https://app.example.com/#/account"),
        *("https://app.example.com#", "//app.example.com", "https://app example.com"),
    ],
)
def test_url_that_is_not_safe_in_a_mail_stops_the_start(url: str) -> None:
    settings = SETTINGS.model_copy(update={"app_url": url})
    create_services(settings)

    with pytest.raises(StartError) as refused:
        create_services(settings, mailer=Mailbox())

    assert str(refused.value) == (
        "Invalid APP_URL: expected an https URL without credentials and #, or http on localhost."
    )
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("https://App.example.com", "https://app.example.com/"),
        ("http://localhost:5173/account?x=1", "http://localhost:5173/account?x=1"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/"),
    ],
)
def test_url_of_the_app_is_accepted(url: str, used: str) -> None:
    settings = SETTINGS.model_copy(update={"app_url": url})

    assert sender_of(create_services(settings, mailer=Mailbox())).messages.app_url == used


def test_settings_choose_the_mailer() -> None:
    dev = DevSettings(token_key="k" * 32, app_url="http://localhost:4001/")
    relay = {"smtp_url": "smtps://relay.example"}
    console, smtp = (
        sender_of(create_services(settings)).mailer
        for settings in (dev, DevSettings.model_validate({**dict(dev), **relay}))
    )

    assert isinstance(console, ConsoleMailer)
    assert isinstance(smtp, SmtpMailer)


def test_server_that_has_sent_no_mail_has_not_loaded_what_mail_needs() -> None:
    code = (
        "import sys\nfrom graphql_auth.app import create_app\n"
        "from graphql_auth.settings import Settings\n"
        "create_app(Settings(mongo_uri='mongodb://h', token_key='k' * 32,"
        " smtp_url='smtps://relay.example', mail_from='a@example.com', app_url='https://a.example'))\n"
        "print({'aiosmtplib', 'jinja2', 'email.headerregistry'} & sys.modules.keys())"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert printed == "set()\n"
