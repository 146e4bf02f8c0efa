from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import LinkExpired, TooManyAttempts, Unauthenticated, Unavailable
from graphql_auth.mail.outbox import Outbox
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import complete_overdue, crash_at
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import (
    ADA,
    CHANGE,
    NEW_PASSWORD,
    THERE,
    confirm,
    mailed_token,
    mails,
    reset_token,
)
from tests.services import NewServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def test_sign_in_on_a_new_device_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await services.accounts.login(EMAIL, PASSWORD, HERE.with_device_tokens(ada.device_token))
    assert await mails(database) == []

    await services.accounts.login(EMAIL, PASSWORD, THERE)

    (mail,) = await mails(database)
    assert (mail["template"], mail["to"]) == ("new_device", EMAIL)
    assert mail["values"] == {"ip_address": THERE.ip_address}


async def test_changed_password_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)
    token = await reset_token(services, database)
    await services.password_reset.reset(token, "a third one", HERE)

    assert [mail["to"] for mail in await mails(database, "password_changed")] == [EMAIL] * 2


async def test_password_change_is_acknowledged_and_told_if_the_session_ends_meanwhile(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "graphql_auth.security")
    principal = services.sessions.authenticate(ada.tokens.access.value)
    change = UserRepository.change

    async def change_and_log_out(*arguments: Any, **changes: Any) -> UserDocument | None:
        changed = await change(*arguments, **changes)
        await services.sessions.end(principal.subject, principal.session_id)
        return changed

    monkeypatch.setattr(UserRepository, "change", change_and_log_out)
    changed = await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)

    with pytest.raises(Unauthenticated):
        services.sessions.authenticate(changed.tokens.access.value)
    assert [mail["to"] for mail in await mails(database, "password_changed")] == [EMAIL]
    assert "change_password outcome=success" in caplog.text
    await services.accounts.login(EMAIL, NEW_PASSWORD, HERE)


async def test_reused_refresh_token_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    _, second = await services.rotation.refresh(ada.tokens.refresh, HERE)
    await services.rotation.refresh(second.refresh, HERE)
    with pytest.raises(Unauthenticated):
        await services.rotation.refresh(ada.tokens.refresh, THERE)

    assert [mail["to"] for mail in await mails(database, "refresh_reused")] == [EMAIL]


class Numbered(UserDocument):
    number: int = 0


async def test_reused_refresh_token_of_a_user_who_cannot_be_read_ends_the_session(
    new_services: NewServices, ada: SignedIn, database: Database
) -> None:
    services = await new_services(user_document=Numbered)
    _, second = await services.rotation.refresh(ada.tokens.refresh, HERE)
    await services.rotation.refresh(second.refresh, HERE)
    await database["users"].update_one({}, {"$set": {"number": "no number"}})

    with pytest.raises(Unauthenticated):
        await services.rotation.refresh(ada.tokens.refresh, THERE)

    with pytest.raises(Unauthenticated):
        services.sessions.authenticate(second.access.value)


async def test_notices_of_one_kind_are_limited(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await confirm(database)
    for _ in range(5):
        await services.accounts.login(EMAIL, PASSWORD, THERE)
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)

    assert len(await mails(database, "new_device")) == 3
    assert len(await mails(database, "password_changed")) == 1


async def test_notices_of_all_kinds_to_an_unconfirmed_email_are_limited(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    """It can be that of a stranger."""
    for _ in range(2):
        await services.accounts.login(EMAIL, PASSWORD, THERE)
    principal = services.sessions.authenticate(ada.tokens.access.value)
    for old, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        await services.password_change.change(principal, old, new, HERE)

    assert len(await mails(database)) == 3


async def test_notices_to_strangers_are_limited_by_the_network_that_causes_them(
    services: ServiceContainer, database: Database
) -> None:
    for number in range(25):
        email = f"{number}@example.com"
        await services.accounts.register(replace(ADA, email=email), HERE)
        await services.accounts.login(email, PASSWORD, THERE)

    assert len(await mails(database)) == 20


async def test_links_and_notices_of_a_network_have_separate_limits(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    """A thief asks for links for invented e-mails, in order to sign in without a notice."""
    for number in range(20):
        await services.password_reset.request(f"{number}@example.com", THERE)
    with pytest.raises(TooManyAttempts):
        await services.password_reset.request(ada.user.email, THERE)

    await services.accounts.login(EMAIL, PASSWORD, THERE)

    assert len(await mails(database, "new_device")) == 1


async def change(services: ServiceContainer, user: SignedIn, client: ClientInfo) -> None:
    principal = services.sessions.authenticate(user.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, client)


async def reuse(services: ServiceContainer, user: SignedIn, client: ClientInfo) -> None:
    _, second = await services.rotation.refresh(user.tokens.refresh, client)
    await services.rotation.refresh(second.refresh, client)
    with pytest.raises(Unauthenticated):
        await services.rotation.refresh(user.tokens.refresh, client)


async def set_password(services: ServiceContainer, user: SignedIn, _client: ClientInfo) -> None:
    await services.admin.set_password(await services.admin.find(user.user.email), NEW_PASSWORD)


@pytest.mark.parametrize(
    ("act", "networks", "notices"),
    [
        (change, 1, 20),
        (change, 21, 21),
        (reuse, 1, 20),
        (reuse, 21, 21),
        # The operator has no network.
        (set_password, 1, 21),
    ],
)
async def test_notices_count_for_the_network_of_their_client(
    services: ServiceContainer,
    database: Database,
    act: Callable[[ServiceContainer, SignedIn, ClientInfo], Awaitable[None]],
    networks: int,
    notices: int,
) -> None:
    for number in range(21):
        email = f"{number}@example.com"
        user = await services.accounts.register(replace(ADA, email=email), HERE)
        await act(services, user, ClientInfo(f"203.0.113.{number % networks}"))

    assert len(await mails(database)) == notices


Act = Callable[[ServiceContainer, SignedIn, Database], Awaitable[object]]


async def log_in(services: ServiceContainer, _ada: SignedIn, _database: Database) -> None:
    await services.accounts.login(EMAIL, PASSWORD, THERE)


async def change_password(services: ServiceContainer, ada: SignedIn, _database: Database) -> None:
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)


async def confirm_change(services: ServiceContainer, ada: SignedIn, database: Database) -> None:
    token = await mailed_token(services, database, "change_email")
    await services.email_change.confirm(CHANGE, token, str(ada.user.id), None, HERE)


async def request_change(services: ServiceContainer, ada: SignedIn, _database: Database) -> None:
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.email_change.request_change(principal, PASSWORD, "ada@example.org", HERE)


async def reuse_token(services: ServiceContainer, ada: SignedIn, _database: Database) -> None:
    _, second = await services.rotation.refresh(ada.tokens.refresh, HERE)
    await services.rotation.refresh(second.refresh, HERE)
    with pytest.raises(Unauthenticated):
        await services.rotation.refresh(ada.tokens.refresh, THERE)


@pytest.mark.parametrize(
    ("act", "template"),
    [
        (log_in, "new_device"),
        (change_password, "password_changed"),
        (confirm_change, "email_changed"),
        (request_change, "email_change_requested"),
        (reuse_token, "refresh_reused"),
    ],
)
@pytest.mark.parametrize("is_confirmed", [True, False])
async def test_notice_that_cannot_be_stored_fails_no_action_and_is_stored_later(  # noqa: PLR0913, PLR0917 - fixtures
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    act: Act,
    template: str,
    *,
    is_confirmed: bool,
) -> None:
    if is_confirmed:
        await confirm(database)
    if act is confirm_change:
        await request_change(services, ada, database)
    add = Outbox.add

    async def fail(outbox: Outbox, name: str, *arguments: Any, **values: Any) -> None:
        if name == template:
            raise Unavailable
        await add(outbox, name, *arguments, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "add", fail)
    await act(services, ada, database)
    with suppress(Unavailable):
        await services.completion.complete_overdue()
    assert await mails(database, template) == []

    monkeypatch.setattr(Outbox, "add", add)
    await complete_overdue(services, database)
    await complete_overdue(services, database)

    (mail,) = await mails(database, template)
    assert (mail["to"], mail["user_id"]) == (EMAIL, str(ada.user.id))
    # Then it is not known whether the old e-mail was confirmed.
    is_shown = is_confirmed and act is not confirm_change
    shown = "ada@example.org" if is_shown else "an e-mail that we do not show"
    assert mail["values"].get("new_email", shown) == shown


@pytest.mark.parametrize(
    ("act", "template", "step"),
    [
        (change_password, "password_changed", (Outbox, "add")),
        (confirm_change, "email_changed", (Outbox, "add")),
        # These are stored before what they tell.
        (log_in, "new_device", (SessionRepository, "add")),
        (reuse_token, "refresh_reused", (SessionRepository, "end")),
    ],
)
async def test_notice_is_not_lost_by_a_crash(  # noqa: PLR0913, PLR0917 - fixtures
    services: ServiceContainer,
    ada: SignedIn,
    new_services: NewServices,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    act: Act,
    template: str,
    step: tuple[type, str],
) -> None:
    await request_change(services, ada, database)
    crash_at(monkeypatch, [step], (0, False))
    with pytest.raises(ConnectionAbortedError):
        await act(services, ada, database)

    if step == (Outbox, "add"):
        await complete_overdue(await new_services(), database)

    assert [mail["to"] for mail in await mails(database, template)] == [EMAIL]


async def test_email_change_that_is_refused_is_not_told(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await request_change(services, ada, database)
    token = await mailed_token(services, database, "change_email")

    async def refuse(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(UserRepository, "change", refuse)
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CHANGE, token, str(ada.user.id), None, HERE)

    await complete_overdue(services, database)
    assert await mails(database, "email_changed") == []


async def test_deleted_user_gets_no_notice(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await database["users"].delete_many({})

    await services.rotation.announce_reuse(str(ada.user.id), HERE)

    assert await mails(database) == []
