"""What tests of links in mails share: the mails in the outbox, and the tokens of their links."""

from datetime import UTC, datetime
from typing import Any

from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users.document import UserDocument
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database

CONFIRM, CHANGE = Purpose.CONFIRM_EMAIL, Purpose.CHANGE_EMAIL
THERE = ClientInfo("198.51.100.1", "another")
NEW_PASSWORD = "battery staple"
ADA = Registration("Ada", "Lovelace", EMAIL, PASSWORD)


async def mails(database: Database, template: str | None = None) -> list[dict[str, Any]]:
    """The mails that somebody gets, the latest last."""
    query = {"to": {"$ne": None}} | ({"template": template} if template else {})
    return await database["graphql_auth_outbox"].find(query).sort("_id").to_list()


async def mailed_token(services: ServiceContainer, database: Database, template: str) -> str:
    """The token of the link in the last mail by a template."""
    token = await services.admin.links.issue((await mails(database, template))[-1]["link"])
    assert token is not None
    return token


async def reset_token(services: ServiceContainer, database: Database, email: str = EMAIL) -> str:
    await services.password_reset.request(email, HERE)
    return await mailed_token(services, database, "reset_password")


async def sign_up_token(services: ServiceContainer, database: Database) -> str:
    await services.sign_up.request(ADA, HERE)
    return await mailed_token(services, database, "sign_up")


async def confirm(database: Database, email: str = EMAIL) -> None:
    """Have an e-mail that is confirmed."""
    now = datetime.now(UTC)
    await database["users"].update_one({"email": email}, {"$set": {"email_confirmed_at": now}})


async def stored_user(database: Database, email: str = EMAIL) -> UserDocument:
    user: UserDocument = UserDocument.model_validate(
        await database["users"].find_one({"email": email})
    )
    return user
