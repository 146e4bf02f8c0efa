"""What the commands of ``users`` and ``sessions`` do."""

import secrets
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from pydantic import SecretStr
from pydantic.alias_generators import to_snake

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.cli.check_users import check_users, normalize_users
from graphql_auth.cli.list_users import list_sessions, list_users, show_user
from graphql_auth.cli.terminal import confirm, read_new_password
from graphql_auth.embedded_mongo.mongod import find_or_run_mongod
from graphql_auth.environment import read_settings
from graphql_auth.errors import ApplicationError, BadInput, StartError, Unavailable
from graphql_auth.mail.messages import Template, link_url
from graphql_auth.mongo.client import connect, translate_start_errors
from graphql_auth.mongo.collections import Documents, prepare_collections
from graphql_auth.mongo.object_id import is_object_id
from graphql_auth.mongo.outages import describe_refusal
from graphql_auth.roles import ROLE_FORM, is_role
from graphql_auth.runtime import output
from graphql_auth.runtime.event_loop import run
from graphql_auth.services import DOCUMENTS, create_services
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.settings import Settings, parse_app_url
from graphql_auth.users.document import UserDocument

Work = Callable[[UserAdmin, Namespace], Awaitable[str | None]]
Change = Callable[..., Awaitable[None]]
UNCONFIRMED = "The e-mail is not confirmed: make sure that the account is that of its owner."


def run_command(options: Namespace) -> None:
    """Run a command, and print what it returns. Raises StartError."""
    settings, documents, added = _read_target(options.app)
    if options.command == "users reset-password":
        if not (settings.app_url or settings.has_playground):
            raise StartError("Set APP_URL to the page of the link, because the playground is off.")
        page = settings.app_url or f"http://localhost:{settings.listening_port}/"
        options.page = parse_app_url(page)
    _check_and_ask(options)
    adds_email = options.command == "users create" or ("dry_run" in options and not options.dry_run)

    async def connect_and_work(uri: str) -> str | None:
        async with connect(uri, documents, create_indexes=False) as database:
            if adds_email:
                # The unique index decides between this and concurrent registrations.
                with translate_start_errors(database.name):
                    await prepare_collections(database, [UserDocument])
            now = (await SessionRepository().now()).timestamp
            # A command signs no tokens.
            keys = {"token_key": SecretStr(secrets.token_hex()), "signing_keys": None}
            services = create_services(settings.model_copy(update=keys), now=now, **added)
            async with services.run():
                if getattr(options, "email", None) and options.command != "users create":
                    options.user = await services.admin.find(options.email)
                return await _COMMANDS[options.command](services.admin, options)

    given = settings.mongo_uri and settings.mongo_uri.get_secret_value()
    target = nullcontext(given) if given else find_or_run_mongod(settings.data_dir)
    with target as uri, _translate_errors():
        message = run(connect_and_work(uri))
    if message:
        output.write_line(message)


def _check_and_ask(options: Namespace) -> None:
    if "role" in options and not is_role(options.role):
        raise StartError(f"ROLE is not the name of a role: {ROLE_FORM}.")
    if options.reads_password:
        options.password = read_new_password()
    if "yes" in options and not options.yes:
        confirm(f"Delete {options.email}?")


def _read_target(application: str | None) -> tuple[Settings, Documents, dict[str, Any]]:
    """Return settings, documents, and what create_services takes of an application."""
    if application is None:
        return read_settings(), DOCUMENTS, {}
    from graphql_auth.library import load  # noqa: PLC0415 - as slow as the start of a server

    found = load(application)
    parts = found.parts
    added = {name: getattr(parts, name) for name in ("user_document", "hooks", "mailer")}
    return found.settings or read_settings(), [*parts.our_documents, *parts.documents], added


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except Unavailable as unavailable:
        reason = describe_refusal(unavailable.__cause__)
        lost = "Lost the connection to MongoDB before the command completed; run it again."
        raise StartError(f"MongoDB refuses a command: {reason}." if reason else lost) from None
    except BadInput as bad:
        faults = [f"{to_snake(each.field).upper()}: {each.message}" for each in bad.fields]
        raise StartError(" ".join(faults)) from None
    except ApplicationError as refused:
        raise StartError(refused.message) from None


def _change(method: Change, message: str, *names: str) -> Work:
    """Return a command that calls a method with a user and further options."""

    async def change(admin: UserAdmin, options: Namespace) -> str:
        values = {name: getattr(options, name) for name in names}
        await method(admin, options.user, **values)
        return message.format(options.user.email or options.email, values.get("role"))

    return change


async def _create(admin: UserAdmin, options: Namespace) -> str:
    names = options.first_name, options.last_name
    email = await admin.create(options.email, *names, options.password)
    return f"{email} can log in. The e-mail counts as confirmed."


async def _reset_password(admin: UserAdmin, options: Namespace) -> str:
    email, token = options.user.email, await admin.create_reset_link(options.user)
    if token is None:
        return f"A link to set a new password is mailed to {email}."
    link = link_url(options.page, Template.RESET_PASSWORD, token)
    return f"{email} can set a new password, within an hour: {link}"


async def _grant(admin: UserAdmin, options: Namespace) -> str:
    user = options.user
    await admin.grant(user, options.role)
    is_sure = user.email_confirmed_at or options.email == str(user.id)
    granted = f"{user.email} has the role {options.role}, from the next login or refresh on."
    return granted if is_sure else f"{granted} {UNCONFIRMED}"


async def _confirm(admin: UserAdmin, options: Namespace) -> str:
    if options.all:
        count = await admin.users.confirm_all(admin.now())
        return f"newly confirmed e-mails: {count}"
    await admin.confirm(options.user)
    return f"The e-mail {options.user.email} counts as confirmed."


async def _end_sessions(admin: UserAdmin, options: Namespace) -> str:
    user, session_id = options.user, options.id
    if session_id is None:
        await admin.sessions.end_all(str(user.id))
        return f"{user.email} is logged out everywhere."
    if not (is_object_id(session_id) and await admin.sessions.end(str(user.id), session_id)):
        raise StartError(f"{user.email} has no live session with the id {session_id}.")
    return f"The session {session_id} of {user.email} has ended."


_COMMANDS: dict[str, Work] = {
    "users list": list_users,
    "users show": show_user,
    "users create": _create,
    "users set-password": _change(
        UserAdmin.set_password, "{} has the new password, and is logged out everywhere.", "password"
    ),
    "users reset-password": _reset_password,
    "users disable": _change(UserAdmin.disable, "{} is disabled and logged out everywhere."),
    "users enable": _change(UserAdmin.enable, "{} can log in again."),
    "users delete": _change(UserAdmin.delete, "{} is deleted and logged out everywhere."),
    "users grant": _grant,
    "users revoke": _change(
        UserAdmin.revoke, "{} does not have the role {}, and is logged out everywhere.", "role"
    ),
    "users confirm": _confirm,
    "users check": check_users,
    "users normalize": normalize_users,
    "sessions list": list_sessions,
    "sessions end": _end_sessions,
}
