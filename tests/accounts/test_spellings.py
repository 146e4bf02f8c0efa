"""One account has one budget of guesses, however its address is spelled."""

from typing import Any

import bcrypt
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials, StartError, TooManyAttempts
from graphql_auth.users import emails

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]
PASSWORD = "correct horse"
DISGUISES = [
    *(
        f"victim@example{invisible}.com"
        for invisible in "\u00ad\u200b\u200d\u2060\ufe0f\u034f\u180b\ufeff"
    ),
    *(f"victim@example.com{invisible}" for invisible in "\u00ad\u200b\u2060\ufe0f\uff0e"),
    *("victim@example\uff0ecom", "victim@example\u3002com", "victim@example\uff61com"),
    *("victim@\uff45xample.com", "VICTIM@EXAMPLE.COM", "victim@ex\u00adample\u00ad.com"),
    *("\u00a0victim@example.com\u0085", "victim@example.com.", "victim@@example.com"),
]


def stranger(number: int) -> ClientInfo:
    return ClientInfo(f"10.0.0.{number}", "a script")


@pytest.mark.parametrize("domain", ["example.com", "b\u00fccher.example.com"])
async def test_other_spelling_does_not_evade_the_rate_limit(
    service: AccountService, domain: str
) -> None:
    address = f"victim@{domain}"
    await service.register(Registration("V", "V", address, PASSWORD), stranger(0))
    for number in range(5):
        with pytest.raises(InvalidCredentials):
            await service.login(address, f"guess {number}", stranger(number))

    for number, disguise in enumerate(DISGUISES):
        spelling = disguise.replace("example.com", domain).replace("example", domain[:-4])
        with pytest.raises((InvalidCredentials, TooManyAttempts)):
            await service.login(spelling, PASSWORD, stranger(number))


async def count_work(database: Database, service: AccountService, email: str) -> tuple[int, int]:
    """How many commands and counters an attempt to log in takes."""
    await database.command("profile", 2)
    with pytest.raises(InvalidCredentials):
        await service.login(email, "wrong", stranger(0))
    await database.command("profile", 0)
    commands = await database["system.profile"].count_documents({"command.$db": database.name})
    counters = await database["graphql_auth_attempts"].count_documents({})
    await database["system.profile"].drop()
    await database["graphql_auth_attempts"].delete_many({})
    return commands, counters


@pytest.mark.parametrize(
    "name", ["%s@example.com", "%s@ex\u00adample.com", "%s@b\u00fccher.example.com"]
)
async def test_known_and_unknown_emails_take_the_same_work(
    service: AccountService, database: Database, name: str
) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await database["users"].insert_one({"email": name % "known", "password": old})

    known = await count_work(database, service, name % "known")

    assert known == await count_work(database, service, name % "other")
    assert known[1] == 2


@pytest.mark.parametrize(
    "stored",
    ["vic\u200btim@example.com", "victim@exam\u00adple.com", "victim@xn--a.com", "vic\u2028tim"],
)
async def test_invalid_email_of_the_original_has_its_own_account(
    service: AccountService, admin: UserAdmin, database: Database, stored: str
) -> None:
    await service.register(
        Registration("V", "V", "victim@example.com", "battery staple"), stranger(0)
    )
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await database["users"].insert_one({"email": stored, "password": old})

    assert (await service.login(stored, PASSWORD, stranger(0))).user.email == stored
    assert (await admin.find(stored)).email == stored
    assert emails.canonicalize(stored) != "victim@example.com"


@pytest.mark.parametrize("typed", ["\udcff", "a\0b", "a\nb", "", " "])
async def test_admin_finds_no_user_for_a_text_that_cannot_be_stored(
    admin: UserAdmin, typed: str
) -> None:
    with pytest.raises(StartError, match="There is no user with"):
        await admin.find(typed)
