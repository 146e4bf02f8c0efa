import asyncio
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from beanie import PydanticObjectId
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import LinkExpired
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens import one_time as module
from graphql_auth.tokens.document import LinkDocument
from graphql_auth.tokens.one_time import LIFETIMES, OneTimeTokens, Purpose
from tests.services import Clock

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]
RESET = Purpose.RESET_PASSWORD


@pytest.fixture
def links(services: ServiceContainer) -> OneTimeTokens:
    return services.admin.links


async def issue(links: OneTimeTokens, link: LinkDocument) -> str:
    token = await links.issue(link.reference)
    assert token is not None
    return token


async def is_valid(links: OneTimeTokens, token: str, purpose: Purpose = RESET) -> bool:
    try:
        await links.find(purpose, token)
    except LinkExpired:
        return False
    return True


async def test_token_is_used_once(links: OneTimeTokens) -> None:
    token = await issue(links, await links.create(RESET, "ada@example.com", email="a@b.c"))

    found = await links.find(RESET, token)
    await links.use(RESET, token)

    assert found.email == "a@b.c"
    with pytest.raises(LinkExpired):
        await links.use(RESET, token)
    assert not await is_valid(links, token)


async def test_one_of_100_concurrent_uses_succeeds(links: OneTimeTokens) -> None:
    token = await issue(links, await links.create(RESET, "ada@example.com"))

    outcomes = await asyncio.gather(
        *(links.use(RESET, token) for _ in range(100)), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, LinkExpired) for outcome in outcomes) == 99


async def test_further_link_ends_the_one_before(links: OneTimeTokens) -> None:
    first = await links.create(RESET, "ada@example.com")
    old = await issue(links, first)
    other = await issue(links, await links.create(RESET, "bob@example.com"))
    confirm = await issue(links, await links.create(Purpose.CONFIRM_EMAIL, "ada@example.com"))

    new = await issue(links, await links.create(RESET, "ada@example.com"))

    assert [await is_valid(links, token) for token in (old, new, other)] == [False, True, True]
    assert await is_valid(links, confirm, Purpose.CONFIRM_EMAIL)
    # The mail of the first one, which may go to another e-mail, gets no secret of the second.
    assert await links.issue(first.reference) is None


async def test_concurrent_links_of_one_key_leave_one(
    links: OneTimeTokens, database: Database
) -> None:
    made = await asyncio.gather(*(links.create(RESET, "ada@example.com") for _ in range(50)))

    tokens = [await links.issue(link.reference) for link in made]

    assert sum(token is not None for token in tokens) == 1
    assert await database["graphql_auth_links"].count_documents({}) == 1


async def test_each_try_of_a_mail_has_its_own_token(
    links: OneTimeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECRETS", 3)
    link = await links.create(RESET, "ada@example.com")

    tokens = [await issue(links, link) for _ in range(4)]

    assert len(set(tokens)) == 4
    assert [await is_valid(links, token) for token in tokens] == [False, True, True, True]
    await links.use(RESET, tokens[1])
    assert not await is_valid(links, tokens[3])
    assert await links.issue(link.reference) is None


@pytest.mark.parametrize("purpose", Purpose)
async def test_token_expires(links: OneTimeTokens, clock: Clock, purpose: Purpose) -> None:
    link = await links.create(purpose, "ada@example.com")
    token = await issue(links, link)

    clock.time += LIFETIMES[purpose].total_seconds() - 1
    assert await is_valid(links, token, purpose)
    clock.time += 1

    assert not await is_valid(links, token, purpose)
    assert await links.issue(link.reference) is None
    with pytest.raises(LinkExpired):
        await links.use(purpose, token)


async def test_token_is_for_one_purpose(links: OneTimeTokens) -> None:
    token = await issue(links, await links.create(RESET, "ada@example.com"))

    for other in set(Purpose) - {RESET}:
        assert not await is_valid(links, token, other)


async def test_other_spelling_of_a_token_is_refused(links: OneTimeTokens) -> None:
    token = await issue(links, await links.create(RESET, "ada@example.com"))
    link, _, secret = token.partition(".")
    # Two spare bits: the next letters decode to the same secret.
    spare = chr(ord(secret[-1]) + 1) if secret[-1] != "8" else "9"
    assert urlsafe_b64decode(secret[:-1] + spare + "=") == urlsafe_b64decode(secret + "=")

    for text in (
        "", token[:-1], token + "=", f" {token}", token + "\n", f"{link}.{secret[:-1]}{spare}",
        f"{link}{secret}", f"{'A' * 16}.{secret}", f"{link}.{'A' * 43}", "é" * 60,
    ):  # fmt: skip
        assert not await is_valid(links, text)


async def test_database_holds_no_secret(links: OneTimeTokens, database: Database) -> None:
    token = await issue(links, await links.create(RESET, "ada@example.com"))
    secret = urlsafe_b64decode(token.partition(".")[2] + "=")

    stored = await database["graphql_auth_links"].find_one()

    assert stored is not None
    assert secret not in stored["digests"]
    assert token.partition(".")[2] not in repr(stored)
    assert "ada" not in repr(stored)
    assert "digests" not in repr(await links.find(RESET, token))


async def test_links_of_a_user_end_together(links: OneTimeTokens) -> None:
    ada, bob = PydanticObjectId(), PydanticObjectId()
    mine = await issue(links, await links.create(RESET, "ada@example.com", user_id=ada))
    other = await issue(links, await links.create(RESET, "bob@example.com", user_id=bob))

    await links.end_all(str(ada))

    assert [await is_valid(links, token) for token in (mine, other)] == [False, True]
