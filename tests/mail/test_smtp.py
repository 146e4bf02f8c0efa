import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from graphql_auth.mail import smtp
from graphql_auth.mail.mailer import MailDelayed, MailRefused
from graphql_auth.mail.smtp import SmtpMailer
from tests.mail.relay import PASSWORD, USER, Relay, run_relay

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """A server runs on uvloop, which reports failures of TLS in its own way."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def here(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS of a relay on this machine, whose certificate authority is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    return server_context(certificates, "here")


def server_context(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.pem")
    return context


def mailer(scheme: str, relay: Relay, credentials: str = "") -> SmtpMailer:
    return SmtpMailer(SecretStr(f"{scheme}://{credentials}127.0.0.1:{relay.port}"))


def message(to: str = "ada@example.com", policy: "EmailPolicy[Any]" = SMTP) -> EmailMessage:
    made = EmailMessage(policy)
    made["From"] = Address("Example", "no-reply", "example.com")
    local, _, domain = to.rpartition("@")
    made["To"] = Address(username=local, domain=domain)
    made["Subject"] = "Hello"
    made.set_content("the text with the secret\n")
    return made


CREDENTIALS = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


async def test_message_arrives_over_starttls_after_login(here: ssl.SSLContext) -> None:
    async with run_relay(starttls=here, require_starttls=True, auth_required=True) as relay:
        await mailer("smtp", relay, CREDENTIALS).send(message())

    assert relay.recipients == ["ada@example.com"]
    assert relay.messages[0]["Subject"] == "Hello"
    assert relay.logins == [(USER, PASSWORD)]
    # Not the name of this machine.
    assert set(relay.greetings) == {"example.com"}


async def test_message_arrives_over_implicit_tls(here: ssl.SSLContext) -> None:
    async with run_relay(tls=here, auth_require_tls=False) as relay:
        sender = mailer("smtps", relay, CREDENTIALS)
        await sender.send(message())
        await sender.send(message())

    assert len(relay.messages) == 2


async def test_plain_scheme_sends_without_tls() -> None:
    async with run_relay() as relay:
        await mailer("smtp+plain", relay).send(message())

    assert len(relay.messages) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("name", "trusts", "problem"),
    [
        ("here", "there.pem", "unable to get local issuer certificate"),
        ("there", "ca.pem", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
async def test_certificate_that_is_not_valid_gets_nothing(  # noqa: PLR0913, PLR0917
    scheme: str,
    name: str,
    trusts: str,
    problem: str,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / trusts))
    context = server_context(certificates, name)
    tls, starttls = (context, None) if scheme == "smtps" else (None, context)
    async with run_relay(tls=tls, starttls=starttls) as relay:
        with pytest.raises(MailDelayed) as refused:
            await mailer(scheme, relay, CREDENTIALS).send(message())

    assert str(refused.value) == f"SMTP_URL: SSLCertVerificationError {problem}"
    assert (relay.messages, relay.logins) == ([], [])


async def test_relay_without_starttls_gets_nothing() -> None:
    async with run_relay(auth_require_tls=False) as relay:
        with pytest.raises(MailDelayed, match="SMTP STARTTLS extension not supported"):
            await mailer("smtp", relay, CREDENTIALS).send(message())

    assert (relay.messages, relay.logins) == ([], [])


@pytest.mark.parametrize(
    ("command", "reply", "reason"),
    [
        ("RCPT", "550 5.1.1 no secret", "SMTPRecipientRefused 550"),
        ("DATA", "554 5.7.1 no secret", "SMTPDataError 554"),
    ],
)
async def test_permanent_refusal_of_a_message(command: str, reply: str, reason: str) -> None:
    async with run_relay() as relay:
        relay.replies[command] = [reply]
        with pytest.raises(MailRefused) as refused:
            await mailer("smtp+plain", relay).send(message())

    assert str(refused.value) == reason
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("command", "reply", "reason"),
    [
        ("RCPT", "452 4.2.2 no secret", "SMTPRecipientRefused 452"),
        ("DATA", "451 4.3.0 no secret", "SMTPDataError 451"),
        ("DATA", "disconnect", "SMTPServerDisconnected"),
    ],
)
async def test_temporary_refusal_of_a_message(command: str, reply: str, reason: str) -> None:
    async with run_relay() as relay:
        relay.replies[command] = [reply]
        with pytest.raises(MailDelayed) as refused:
            await mailer("smtp+plain", relay).send(message())

    assert str(refused.value) == f"SMTP_URL: {reason}"
    assert refused.value.__cause__ is None


async def test_message_that_was_accepted_is_sent_although_the_end_is_lost() -> None:
    async with run_relay() as relay:
        relay.replies["QUIT"] = ["disconnect"]
        await mailer("smtp+plain", relay).send(message())

    assert len(relay.messages) == 1


async def test_wrong_login_can_be_repaired_so_the_message_is_kept() -> None:
    async with run_relay(auth_require_tls=False) as relay:
        with pytest.raises(MailDelayed) as refused:
            await mailer("smtp+plain", relay, "ada:hunter2@").send(message())

    assert str(refused.value) == "SMTP_URL: SMTPAuthenticationError 535"


async def test_silent_relay_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "COMMAND_TIMEOUT", 0.5)
    async with run_relay() as relay:
        relay.replies["DATA"] = ["silence"]
        with pytest.raises(MailDelayed, match="SMTP_URL: TimeoutError"):
            await mailer("smtp+plain", relay).send(message())


async def test_closed_port_is_named() -> None:
    async with run_relay() as relay:
        pass

    with pytest.raises(MailDelayed, match="SMTP_URL: ConnectionRefusedError"):
        await mailer("smtp+plain", relay).send(message())


@pytest.mark.parametrize("policy", [SMTP, SMTPUTF8])
async def test_local_part_that_is_not_ascii_needs_smtputf8(policy: "EmailPolicy[Any]") -> None:
    sent = message("dörte@example.com", policy)
    async with run_relay() as relay:
        await mailer("smtp+plain", relay).send(sent)
    async with run_relay(enable_SMTPUTF8=False) as other:
        with pytest.raises(MailRefused, match="the relay has no SMTPUTF8"):
            await mailer("smtp+plain", other).send(sent)

    assert relay.recipients == ["dörte@example.com"]
    assert relay.messages[0]["To"] == "dörte@example.com"
    assert other.messages == []


def test_mailer_shows_no_password() -> None:
    sender = SmtpMailer(SecretStr("smtps://ada:hunter2@relay.example"))

    assert "hunter2" not in f"{sender!r} {vars(sender)!r}"
