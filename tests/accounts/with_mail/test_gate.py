"""Every way to sign in, and every state of the account."""

import ast
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import graphql_auth
from graphql_auth.accounts.gate import Proof, SignedIn
from graphql_auth.errors import ApplicationError
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.service import SessionService
from graphql_auth.settings import EmailConfirmation
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import (
    ADA,
    NEW_PASSWORD,
    mailed_token,
    reset_token,
    sign_up_token,
)
from tests.services import NewServices

pytestmark = pytest.mark.anyio

PACKAGE = Path(graphql_auth.__file__).parent
NOW = datetime.now(UTC)
CONFIRMED = {"email_confirmed_at": NOW}

# What makes a confirmed account with a password one of this state; None deletes it.
STATES: dict[str, Any] = {
    "confirmed": {"$set": CONFIRMED},
    "unconfirmed": {"$unset": {"email_confirmed_at": 1}},
    "disabled": {"$set": {"disabled": True}},
    "disabled and unconfirmed": {"$set": {"disabled": True}, "$unset": {"email_confirmed_at": 1}},
    "deleted": None,
    "other password": {"$set": {"password": "other"}, "$inc": {"password_changes": 1}},
    "no password": {"$unset": {"password": 1}},
    "no password, unconfirmed": {"$unset": {"password": 1, "email_confirmed_at": 1}},
}

BEGINS = "a session begins"
# By the order of STATES; of two answers, the second is that with EMAIL_CONFIRMATION=required.
TABLE: dict[str, list[str | tuple[str, str]]] = {
    "login": [
        BEGINS,
        (BEGINS, "EMAIL_UNCONFIRMED"),
        *["INVALID_CREDENTIALS"] * 6,
    ],
    "refreshToken": [BEGINS, BEGINS, *["UNAUTHENTICATED"] * 4, BEGINS, BEGINS],
    "resetPassword": [BEGINS, BEGINS, *["LINK_EXPIRED"] * 4, BEGINS, BEGINS],
    "signInWithLink": [BEGINS, "EMAIL_UNCONFIRMED", *["LINK_EXPIRED"] * 4, BEGINS, BEGINS],
    "register": [*["EMAIL_TAKEN"] * 4, (BEGINS, "EMAIL_UNCONFIRMED"), *["EMAIL_TAKEN"] * 3],
    "confirmSignUp": [*["EMAIL_TAKEN"] * 4, BEGINS, *["EMAIL_TAKEN"] * 3],
}

Way = Callable[[], Awaitable[object]]


async def prepare(
    services: ServiceContainer, server: ServiceContainer, database: Database
) -> dict[str, Way]:
    """Get links, a session and a sign-up, and return what ``server`` can do with them later."""
    sign_up = await sign_up_token(services, database)
    user = (await services.accounts.register(ADA, HERE)).user
    await database["users"].update_one({}, {"$set": CONFIRMED})
    user.email_confirmed_at = NOW
    session = await services.sessions.begin(user, HERE)
    reset = await reset_token(services, database)
    await services.sign_in_link.request(EMAIL, HERE)
    link = await mailed_token(services, database, "sign_in_link")
    return {
        "login": lambda: server.accounts.login(EMAIL, PASSWORD, HERE),
        "refreshToken": lambda: server.rotation.refresh(session.refresh, HERE),
        "resetPassword": lambda: server.password_reset.reset(reset, NEW_PASSWORD, HERE),
        "signInWithLink": lambda: server.sign_in_link.sign_in(link, HERE),
        "register": lambda: server.accounts.register(ADA, HERE),
        "confirmSignUp": lambda: server.sign_up.confirm(sign_up, PASSWORD, HERE),
    }


@pytest.mark.parametrize("way", TABLE)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("confirmation", EmailConfirmation)
async def test_session_begins_only_as_the_table_says(
    new_services: NewServices,
    database: Database,
    way: str,
    state: str,
    confirmation: EmailConfirmation,
) -> None:
    server = await new_services(sign_in_links=True, email_confirmation=confirmation)
    sign_in = (await prepare(await new_services(sign_in_links=True), server, database))[way]
    change = STATES[state]
    users = database["users"]
    await (users.update_one({}, change) if change else users.delete_one({}))
    sessions = database["graphql_auth_sessions"]
    before = await sessions.count_documents({"ended_at": None})

    try:
        result = await sign_in()
    except ApplicationError as error:
        outcome, is_begun = error.code, False
    else:
        outcome, is_begun = BEGINS, isinstance(result, SignedIn)

    expected = TABLE[way][[*STATES].index(state)]
    if isinstance(expected, tuple):
        expected = expected[confirmation is EmailConfirmation.REQUIRED]
    assert outcome == expected
    assert await sessions.count_documents({"ended_at": None}) - before <= is_begun


def test_only_the_gate_begins_sessions() -> None:
    callers = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == SessionService.begin.__name__
    }

    assert callers == {"gate.py"}


@pytest.mark.parametrize("proof", Proof)
async def test_gate_itself_refuses_a_disabled_user(
    services: ServiceContainer, database: Database, proof: Proof
) -> None:
    """A way in that forgets to ask begins no session."""
    user = (await services.accounts.register(ADA, HERE)).user

    with pytest.raises(proof.value):
        await services.accounts.gate.begin_session(
            user.model_copy(update={"disabled": True}), {}, proof, HERE
        )

    assert await database["graphql_auth_sessions"].count_documents({}) == 1
