"""What ``graphql-auth users`` does to the database."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from graphql_auth.accounts.admin import RoleRefused, UserAdmin, UserNotFound
from graphql_auth.cli.database import run_with_database
from graphql_auth.errors import StartError
from graphql_auth.mail.messages import Template, link_url
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.roles import MAX_ROLES, ROLE_FORM, is_role
from graphql_auth.services import DOCUMENTS, create_outbox
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.setting_types import parse_app_url
from graphql_auth.settings import Settings, expected
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.repository import UserRepository

Change = Callable[..., Coroutine[Any, Any, str]]

CHANGES: dict[str, tuple[Change, str]] = {
    "disable": (UserAdmin.disable, "{} is disabled and logged out everywhere."),
    "enable": (UserAdmin.enable, "{} can log in again."),
    "delete": (UserAdmin.delete, "{} is deleted and logged out everywhere."),
    "grant": (UserAdmin.grant, "{} has the role {}, from the next login or refresh on."),
    "revoke": (UserAdmin.revoke, "{} does not have the role {}, and is logged out everywhere."),
    "confirm": (UserAdmin.confirm, "The e-mail {} counts as confirmed."),
}


def change_user(settings: Settings, change: str, email: str, *role: str) -> str:
    """Make one of CHANGES to a user, and return a sentence that says so.

    Raises StartError when that is impossible, or the database cannot be reached.
    """
    method, message = CHANGES[change]
    if not all(map(is_role, role)):
        raise StartError(f"ROLE is not the name of a role: {ROLE_FORM}.")

    async def make_change(admin: UserAdmin) -> str:
        return await method(admin, email, *role)

    try:
        return message.format(_run(settings, email, make_change), *role)
    except RoleRefused:
        raise StartError(
            f"{email} cannot get a further role: the field roles in the collection users"
            f" has {MAX_ROLES} texts already, or is not a list of texts."
        ) from None


def reset_password(settings: Settings, email: str) -> str:
    """Mail a link to a user, or return it in a sentence. Raises StartError as change_user does."""
    try:
        page = parse_app_url(settings.app_url or f"http://localhost:{settings.listening_port}/")
    except ValueError:
        raise StartError(f"Invalid APP_URL: expected {expected('app_url')}.") from None

    async def create_link(admin: UserAdmin) -> str:
        stored_email, token = await admin.create_reset_link(email)
        if token is None:
            return f"A link to set a new password is mailed to {stored_email}."
        link = link_url(page, Template.RESET_PASSWORD, token)
        return f"{stored_email} can set a new password, within an hour: {link}"

    return _run(settings, email, create_link)


def confirm_all(settings: Settings) -> str:
    """Count all e-mails as confirmed. Raises StartError as change_user does."""

    async def confirm(admin: UserAdmin) -> str:
        count = await admin.users.confirm_all(admin.outbox.now())
        return f"e-mails that count as confirmed now: {count}"

    return _run(settings, "", confirm)


def _run(settings: Settings, email: str, work: Callable[[UserAdmin], Awaitable[str]]) -> str:
    async def connect_and_work(uri: str) -> str:
        async with connect(uri, DOCUMENTS, create_indexes=False):
            now = (await SessionRepository().now()).timestamp
            users, links = UserRepository(IndexMonitor(DOCUMENTS)), OneTimeTokens(now)
            outbox = create_outbox(settings, None, links.issue, now)
            return await work(UserAdmin(users, SessionRepository(), links, outbox))

    try:
        return run_with_database(settings, connect_and_work)
    except UserNotFound:
        raise StartError(f"There is no user with the e-mail {email}.") from None
