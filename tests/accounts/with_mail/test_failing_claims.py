"""`@auth.claims` that fail: no way to sign in is left half done."""

import asyncio
from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import ApplicationError
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from tests.accounts.signed_in import HERE, PASSWORD, Database
from tests.accounts.with_mail.links import NEW_PASSWORD
from tests.accounts.with_mail.test_gate import BEGINS, STATES, TABLE, prepare
from tests.services import NewServices

pytestmark = pytest.mark.anyio

BEGINNINGS = [
    (way, state)
    for way, answers in TABLE.items()
    for state, answer in zip(STATES, answers, strict=True)
    if BEGINS in (answer, answer[0])
]
COLLECTIONS = "users", *(f"graphql_auth_{name}" for name in ("sessions", "links", "outbox"))


class Claims:
    """The function of an application, which never returns at first."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.does = "nothing"
        self.seen: list[UserDocument] = []

    async def __call__(self, user: UserDocument) -> dict[str, Any]:
        if self.does == "raise":
            raise ValueError
        if self.does == "return":
            self.seen.append(user)
            return {}
        self.has_begun.set()
        await asyncio.Event().wait()
        return {}


async def stored(database: Database) -> dict[str, Any]:
    return {name: await database[name].find().sort("_id").to_list() for name in COLLECTIONS}


@pytest.mark.parametrize(("way", "state"), BEGINNINGS)
async def test_failed_claims_change_nothing(
    new_services: NewServices, database: Database, way: str, state: str
) -> None:
    server = await new_services(sign_in_links=True)
    sign_in = (await prepare(await new_services(sign_in_links=True), server, database))[way]
    change, users = STATES[state], database["users"]
    await (users.update_one({}, change) if change else users.delete_one({}))
    before = await stored(database)

    server.accounts.hooks.add_claims = claims = Claims()
    late = asyncio.ensure_future(sign_in())
    begun = asyncio.ensure_future(claims.has_begun.wait())
    await asyncio.wait({late, begun}, return_when=asyncio.FIRST_COMPLETED)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert await stored(database) == before

    claims.does = "raise"
    with pytest.raises(ApplicationError, match="on our side"):
        await sign_in()
    assert await stored(database) == before

    claims.does = "return"
    # A refresh returns the user and the tokens.
    assert isinstance(await sign_in(), (SignedIn, tuple))
    (user,) = claims.seen
    assert await server.accounts.users.get(str(user.id)) == user


async def test_password_change_asks_for_claims_of_the_changed_user(
    new_services: NewServices, database: Database
) -> None:
    server = await new_services(sign_in_links=True)
    await prepare(server, server, database)
    session = await database["graphql_auth_sessions"].find_one({})
    assert session
    caller = Principal(str(session["user_id"]), str(session["_id"]))
    server.accounts.hooks.add_claims = claims = Claims()
    claims.does = "raise"
    before = await stored(database)
    with pytest.raises(ApplicationError, match="on our side"):
        await server.password_change.change(caller, PASSWORD, NEW_PASSWORD, HERE)
    assert await stored(database) == before

    claims.does = "return"
    await server.password_change.change(caller, PASSWORD, NEW_PASSWORD, HERE)
    (user,) = claims.seen
    assert await server.accounts.users.get(str(user.id)) == user
