"""Hooks: functions of an application that run after an action, and the claims that it adds."""

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Coroutine
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel

from graphql_auth.errors import ApplicationError, ErrorCode, StartError
from graphql_auth.logs import REQUEST_ID, describe_exception
from graphql_auth.runtime.event_loop import CANCEL_TIMEOUT, cancel_tasks

# How long a response waits for all hooks of its event, and then the end of the process.
RESPONSE_TIMEOUT = 1.0
CLOSE_TIMEOUT = 0.5
# The longest time that a hook can run, so that tasks cannot pile up.
HOOK_TIMEOUT = 60.0

EventName = Literal[
    "register", "login", "logout", "refresh_reused", "password_changed", "user_deleted"
]

# Verifiers give these a meaning: RFC 7519, 7800, 8693, 9068 and OpenID Connect.
RESERVED_CLAIMS = {
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope", "client_id", "roles"),
    *("auth_time", "acr", "amr", "azp", "nonce", "act", "may_act", "cnf"),
}
# As JSON. With the most roles and the longest signature, a token still has a valid length.
MAX_CLAIMS_BYTES = 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened to a user; ``request_id`` is None if no request completed it."""

    name: EventName
    user_id: str
    request_id: str | None
    at: datetime


Hook = Callable[[Event], Coroutine[Any, Any, None]]
# Gets a copy of the stored user, and returns a dict, or is an ``async def`` that does.
AddClaims = Callable[[Any], Any]


class Hooks:
    """The hooks of an application. They run at most once for each action that has succeeded.

    ``graphql-auth users`` runs them with ``--app`` only, without which it knows no application.
    """

    def __init__(self) -> None:
        self._hooks: dict[str, list[Hook]] = {name: [] for name in get_args(EventName)}
        self._running: set[asyncio.Task[None]] = set()
        self.add_claims: AddClaims | None = None

    def on(self, name: EventName) -> Callable[[Hook], Hook]:
        """Register the decorated function; the hooks of an event run in this order.

        Raises StartError for an unknown name, and TypeError for a function that is not async.
        """
        if name not in self._hooks:
            raise StartError(f"No event is named {name!r}; use one of {', '.join(self._hooks)}.")

        def register(hook: Hook) -> Hook:
            form = f"A hook is an `async def` with one argument, unlike {hook!r}."
            if not inspect.iscoroutinefunction(hook):
                raise TypeError(form)
            try:
                inspect.signature(hook).bind(None)
            except TypeError:
                raise TypeError(form) from None
            self._hooks[name].append(hook)
            return hook

        return register

    async def run(self, name: EventName, user_id: str) -> None:
        """Run the hooks of an event. Those that take longer run on; a cancellation stops none."""
        if not self._hooks[name]:
            return
        event = Event(name, user_id, REQUEST_ID.get(), datetime.now(UTC))
        task = asyncio.create_task(self._run_all(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=RESPONSE_TIMEOUT)

    async def claims(self, user: BaseModel) -> dict[str, Any]:
        """Return what the application adds to an access token of a user.

        Raises ApplicationError, for any other error with INTERNAL_SERVER_ERROR: a token without
        the claims would be wrong.
        """
        if self.add_claims is None:
            return {}
        try:
            # Private attributes, such as a lock, can be what cannot be copied.
            claims = self.add_claims(user.model_copy(update=deepcopy(user.__dict__)))
            if inspect.isawaitable(claims):
                claims = await claims
            return _copy(claims)
        except ApplicationError:
            raise
        except _InvalidClaims as error:
            problem = str(error)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - of the application
            problem = describe_exception(error)
        logger.error("@auth.claims failed, so there is no access token: %s", problem)
        message, code = "Something went wrong on our side.", ErrorCode.INTERNAL_SERVER_ERROR
        raise ApplicationError(message, code=code, requestId=REQUEST_ID.get())

    async def close(self) -> None:
        """Wait for the hooks that still run, then cancel them."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=CLOSE_TIMEOUT)
            await cancel_tasks(late, CANCEL_TIMEOUT)

    async def _run_all(self, event: Event) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        for hook in self._hooks[event.name]:
            task.set_name(f"the hook {hook.__module__}.{hook.__qualname__} of {event.name}")
            try:
                async with asyncio.timeout(HOOK_TIMEOUT):
                    await hook(event)
            except (Exception, asyncio.CancelledError, SystemExit) as error:
                logger.error("a hook of %s failed: %s", event.name, describe_exception(error))  # noqa: TRY400 - without the message
                if task.cancelling():
                    raise


class _InvalidClaims(Exception):
    """A token cannot have these claims, for the reason in the message."""


def _copy(claims: Any) -> dict[str, Any]:
    """Return a copy that the application cannot change later; raises _InvalidClaims."""
    if not isinstance(claims, dict) or not all(isinstance(name, str) for name in claims):
        raise _InvalidClaims("it did not return a dict whose keys are names")
    if reserved := RESERVED_CLAIMS & claims.keys():
        raise _InvalidClaims(f"these names are reserved: {', '.join(sorted(reserved))}")
    try:
        text = json.dumps(claims, separators=(",", ":"), allow_nan=False)
        copy: dict[str, Any] = json.loads(text)
        # A name that is there twice, as of 1 and "1", is lost in the copy.
        is_json = json.dumps(copy, separators=(",", ":")) == text
    except (TypeError, ValueError, RecursionError):
        is_json = False
    if not is_json:
        raise _InvalidClaims("a value is not JSON")
    if len(text) > MAX_CLAIMS_BYTES:
        raise _InvalidClaims(f"{len(text)} bytes of JSON are more than {MAX_CLAIMS_BYTES}")
    return copy
