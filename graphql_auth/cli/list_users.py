"""What ``users list``, ``users show`` and ``sessions list`` print."""

import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from bson import ObjectId

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.runtime import output
from graphql_auth.users.document import UserDocument
from graphql_auth.users.scan import UserScan

# Of the columns of a table; others have a time.
WIDTHS = {"id": 24, "email": 32, "first_name": 12, "last_name": 16, "roles": 8, "disabled": 8}
TIME_WIDTH = 20

Values = dict[str, Any]


async def list_users(_: UserAdmin, options: Namespace) -> None:
    """Print all users, also those whom other programs stored."""
    described = (
        _describe(stored["_id"], UserDocument.model_validate({**stored, "_id": None}))
        async for stored in UserScan().read_all()
    )
    with translate_driver_errors():
        await _print(described, options)


async def show_user(admin: UserAdmin, options: Namespace) -> None:
    """Print a user, and how many sessions are live."""
    count = sum([1 async for _ in admin.list_sessions(options.user)])
    values = _describe(options.user.id, options.user) | {"sessions": count}
    if options.json:
        output.write_line(json.dumps(values))
    else:
        for name, value in values.items():
            output.write_line(f"{name}: {_show(value)}")


async def list_sessions(admin: UserAdmin, options: Namespace) -> None:
    described = (
        {
            "id": str(session.id),
            "created_at": _format(session.created_at),
            "last_used_at": _format(session.last_used_at),
            "ip_address": session.ip_address,
            "user_agent": session.user_agent,
        }
        async for session in admin.list_sessions(options.user)
    )
    await _print(described, options)


async def _print(lines: AsyncIterator[Values], options: Namespace) -> None:
    """Print a table, or objects of JSON, one at a time."""
    has_header = False
    async for values in lines:
        await asyncio.sleep(0)  # Ctrl-C counts here: PyMongo loses it when a reply has arrived.
        if options.json:
            output.write_line(json.dumps(values))
            continue
        if not has_header:
            _write_row({name: name.upper() for name in values})
        has_header = True
        _write_row(values)


def _write_row(values: Values) -> None:
    padded = [_show(it).ljust(WIDTHS.get(name, TIME_WIDTH)) for name, it in values.items()]
    output.write_line("  ".join(padded).rstrip())


def _describe(user_id: object, user: UserDocument) -> Values:
    created_at = user_id.generation_time if isinstance(user_id, ObjectId) else None
    return {
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "roles": user.roles,
        "disabled": user.disabled,
        "created_at": _format(created_at),
        "email_confirmed_at": _format(user.email_confirmed_at),
        "id": str(user_id),
    }


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return text or "-"


def _format(moment: datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='seconds').removesuffix('+00:00')}Z" if moment else None
