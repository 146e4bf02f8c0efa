"""Mails of server processes: the terminal of a developer, several workers, and one that dies."""

import asyncio
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mail.sender import LEASE
from tests.conftest import Start
from tests.mail.mailbox import Mailbox, send_due, text_of
from tests.mail.relay import run_relay
from tests.process import ServerProcess, has_ended, run_command
from tests.services import Clock, NewServices

pytestmark = pytest.mark.anyio

APP = "tests.mail.app:auth"
SEND = "mutation ($template: String!, $to: String) { send(template: $template, to: $to) }"
MAIL = {"MAIL_FROM": "no-reply@example.com", "APP_URL": "https://app.example.com"}


async def send(server: ServerProcess, *recipients: str, template: str = "reset_password") -> None:
    # No server speaks TLS here.
    async with httpx.AsyncClient(verify=False, timeout=60) as client:
        for to in recipients:
            variables = {"template": template, "to": to}
            body = {"query": SEND, "variables": variables}
            response = await client.post(server.url, json=body)
            assert response.json() == {"data": {"send": True}}


async def test_dev_server_prints_mail_with_links_to_its_playground(
    start_embedded: Start,
) -> None:
    server = start_embedded(APP, "--dev")
    await send(server, "ada@example.com", "\N{RIGHT-TO-LEFT OVERRIDE}@example.com")

    url = server.url.removesuffix("graphql")
    printed = server.wait_for_output(r"Mail to ada@example\.com: Reset your password for localhost")
    link = server.wait_for_output(rf"  {re.escape(url)}#reset=[\w-]{{16}}\.[\w-]{{43}}")
    async with httpx.AsyncClient(verify=False, follow_redirects=True) as browser:
        page = await browser.get(link.strip(), headers={"Accept": "text/html"})

    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in server.output
    assert printed
    # A browser keeps the fragment (https://fetch.spec.whatwg.org/#concept-http-redirect-fetch).
    assert str(page.url).partition("#")[0] == server.url
    assert page.headers["content-type"].startswith("text/html")


async def test_workers_send_each_mail_once_and_tell_no_secret(
    start: Start, database: AsyncDatabase[dict[str, Any]]
) -> None:
    async with run_relay() as relay:
        url = f"smtp+plain://127.0.0.1:{relay.port}"
        server = start(APP, "--workers", "2", SMTP_URL=url, MAIL_PER_MINUTE="10000", **MAIL)
        recipients = [f"user{number}@example.com" for number in range(20)]
        await send(server, *recipients)
        messages = await relay.wait_for(20)
        async with asyncio.timeout(60):
            while await database.graphql_auth_outbox.count_documents({}):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    assert sorted(relay.recipients) == sorted(recipients)
    secrets = {re.findall(r"#reset=[\w-]+\.([\w-]+)", text_of(message))[0] for message in messages}
    assert len(secrets) == 20
    assert not [secret for secret in secrets if secret in server.output]


async def test_mail_of_a_process_that_died_before_it_was_settled_is_sent_again(
    start: Start,
    new_services: NewServices,
    clock: Clock,
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    async with run_relay() as relay:
        server = start(APP, SMTP_URL=f"smtp+plain://127.0.0.1:{relay.port}", **MAIL)
        relay.on_message = lambda: os.kill(server.process.pid, signal.SIGKILL)
        await send(server, "ada@example.com", template="password_changed")
        (first,) = await relay.wait_for(1)
        assert has_ended(server.process.pid)
        (at_rest,) = await database.graphql_auth_outbox.find().to_list()
        server.wait()

    mailbox = Mailbox()
    services = await new_services(mailbox)
    clock.time = time.time()
    await send_due(services)
    before = mailbox.tries
    clock.time += LEASE.total_seconds() + 1
    await send_due(services)
    (second,) = mailbox.messages

    assert before == 0
    assert at_rest["to"] == "ada@example.com"
    # So a mailbox can drop the copy.
    assert second["Message-ID"] == first["Message-ID"]
    assert await database.graphql_auth_outbox.find().to_list() == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"SMTP_URL": "smtps://relay.example"}, "Mail needs MAIL_FROM"),
        ({"SMTP_URL": "smtps://ada:hun/ter2@relay.example"}, "Invalid SMTP_URL: expected smtps://"),
        (
            {"SMTP_URL": "smtps://relay.example", "MAIL_TEMPLATES": "gone", **MAIL},
            "Cannot read MAIL_TEMPLATES: No such file or directory.",
        ),
    ],
)
def test_wrong_setting_stops_the_start_with_one_line(
    settings: dict[str, str], message: str, tmp_path: Path, database_uri: str
) -> None:
    key = {"MONGO_URI": database_uri, "TOKEN_KEY": "k" * 32}
    command = run_command(tmp_path, "serve", "--port", "0", **key, **settings)

    assert command.returncode == 1
    assert message in command.stderr
    assert len(command.stderr.splitlines()) == 1
    assert "ter2" not in command.stderr
