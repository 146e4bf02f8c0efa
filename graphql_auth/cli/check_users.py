"""What ``graphql-auth users check`` and ``users normalize`` do."""

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress

from bson import ObjectId
from pymongo import timeout
from pymongo.errors import PyMongoError

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.user_check import UnusableUser, UserCheck
from graphql_auth.errors import DatabaseUnavailable, StartError
from graphql_auth.mongo.client import COMMAND_TIMEOUT, translate_driver_errors
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.runtime import output
from graphql_auth.runtime.periodic import run_periodically
from graphql_auth.users.document import UserDocument
from graphql_auth.users.scan import UserScan

SECONDS_BETWEEN_REPORTS = 5.0
# The timeout of a request is too short for a scan of many users.
MAX_SECONDS = 24 * 3600.0
MAX_LENGTH_SHOWN = 400

Handle = Callable[[UserScan, UnusableUser], Awaitable[str | None]]


async def check_users(admin: UserAdmin, _options: Namespace) -> str:
    """Print all users who cannot log in, and return a summary. Raises StartError for the same."""

    async def describe(_: UserScan, user: UnusableUser) -> str:
        return f"{_show(user.id)} {_show(user.email)}: {'; '.join(user.reasons)}"

    found, _, users = await _walk(admin, describe)
    if found:
        raise StartError(
            f"users who cannot log in: {found} of {users}; to see which e-mails can be repaired:"
            " graphql-auth users normalize --dry-run. Users without a bcrypt hash can reset their"
            " password. Correct values that a document refuses. Store others again with an ObjectId"
            " as _id, or delete them, so that they can register"
        )
    return f"All {users} can log in, except disabled ones."


async def normalize_users(admin: UserAdmin, options: Namespace) -> str:
    """Change e-mails to the canonical form, unless another user has it; return a summary."""

    async def repair(scan: UserScan, user: UnusableUser) -> str | None:
        form, is_dry = user.new_email, options.dry_run
        if form is None or not (is_dry or await scan.change_email(user.id, user.email, form)):
            return None
        return f"{_show(user.id)} {_show(user.email)}: now {_show(form)}"

    found, repaired, users = await _walk(admin, repair)
    done = "to change" if options.dry_run else "changed"
    return f"users who cannot log in: {found} of {users}; e-mails {done}: {repaired}"


async def _walk(admin: UserAdmin, handle: Handle) -> tuple[int, int, str]:
    """Print what ``handle`` returns for users who cannot log in.

    Return the number of these users, that of the lines, and how many users of which database.
    """
    found = printed = total = 0
    found_at_failure, is_lost, walking = -1, False, asyncio.current_task()

    async def report() -> None:
        nonlocal found_at_failure, is_lost
        output.write_error(f"checking {total} users; so far {found} cannot log in\n")
        with suppress(PyMongoError), timeout(COMMAND_TIMEOUT):
            await users.database.command("ping")
            found_at_failure = -1
            return
        # Not after one, which a reader of the output, such as less, can delay.
        is_lost, found_at_failure = found == found_at_failure, found
        if is_lost and walking:
            walking.cancel()

    scan, users = UserScan(admin.users.document), UserDocument.get_pymongo_collection()
    with translate_driver_errors(), timeout(MAX_SECONDS):
        if not (total := await users.count_documents({})):
            where = f"The collection {users.name} of the database {users.database.name}"
            raise StartError(f"{where} is empty; check MONGO_URI or, without it, DATA_DIR.")
        try:
            async with (
                run_periodically((SECONDS_BETWEEN_REPORTS, report)),
                aclosing(UserCheck(scan, PasswordHasher(4)).find()) as unusable,
            ):
                async for user in unusable:
                    await asyncio.sleep(0)  # As in list_users.py.
                    found += 1
                    if line := await handle(scan, user):
                        output.write_line(line)
                        printed += 1
        except asyncio.CancelledError as cancelled:
            raise (DatabaseUnavailable() if is_lost else cancelled) from None
    return found, printed, f"{total} users of the database {users.database.name}"


def _show(value: object) -> str:
    """Return a value without control characters, a text in quotes."""
    shown = str(value) if isinstance(value, ObjectId) else repr(value)
    return shown if len(shown) <= MAX_LENGTH_SHOWN else f"{shown[:MAX_LENGTH_SHOWN]}…"
