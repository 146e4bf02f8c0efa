"""GraphQLAuth: the server as a library, in an application."""

import importlib
import inspect
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from beanie import Document
from beanie.odm.fields import IndexedAnnotation
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.extensions import SchemaExtension

from graphql_auth.app import ASSETS, GRAPHQL_PATH, Parts, create_app, running
from graphql_auth.context import Indeterminate, identify_caller
from graphql_auth.database import provide_database
from graphql_auth.embedded_mongo.data_directory import DirectoryInUse
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.hooks import AddClaims, EventName, Hook
from graphql_auth.mail.mailer import Mailer
from graphql_auth.schema import Mutation, Query, Schema, create_schema
from graphql_auth.settings import Settings, TokenSource
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.published_keys import JWKS_PATH, METADATA_PATH
from graphql_auth.tokens.token_sources import find_tokens
from graphql_auth.users.document import UserDocument


class GraphQLAuth:
    """Authentication at ``path`` of an application, which can add to the schema and to the users.

    ``query`` and ``mutation`` are subclasses of Query and Mutation; ``types`` are those that only
    an interface leads to. ``extend`` maps a type, such as User, to a type whose fields it gets too:
    a field without a resolver is read from the document. ``extensions`` are those of Strawberry;
    with any, operations take about twice as long. ``schema_class`` is a subclass of Schema, and
    ``user_document`` of UserDocument; ``documents`` are bound to the same database. What
    ``context`` returns is ``info.context.app``. ``limits`` replaces the settings MAX_QUERY_TOKENS,
    MAX_QUERY_DEPTH and MAX_QUERY_FIELDS, and ``mailer`` SMTP_URL. Without ``settings``, the
    environment is read when the application starts.

    Raises StartError when a field exists twice or has nothing to read, or a document or the path
    cannot be used.
    """

    def __init__(  # noqa: PLR0913 - all by name and optional
        self,
        *,
        query: type = Query,
        mutation: type = Mutation,
        types: Iterable[type] = (),
        extend: Mapping[type, type] | None = None,
        extensions: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (),
        schema_class: type[Schema] = Schema,
        user_document: type[UserDocument] = UserDocument,
        documents: Iterable[type[Document]] = (),
        context: Callable[[Request], Any] | None = None,
        limits: Limits | None = None,
        mailer: Mailer | None = None,
        settings: Settings | None = None,
        path: str = GRAPHQL_PATH,
    ) -> None:
        if not hasattr(user_document.Settings, "name"):
            user_document.Settings.name = UserDocument.Settings.name
        if not re.fullmatch(r"(/[\w.~-]+)+", path):
            raise StartError(f"path {path!r} is not of the form /api/graphql.")
        if any(map(inspect.iscoroutinefunction, (context, getattr(context, "__call__", None)))):  # noqa: B004
            raise TypeError("context is a function that is not async")
        if mailer and not inspect.iscoroutinefunction(getattr(mailer, "send", None)):
            raise TypeError("mailer has a method: async def send(self, message)")
        _check_documents(user_document, documents := tuple(documents))
        schema = create_schema(
            query, mutation, types, extend, extensions, user_document, schema_class
        )
        self.parts = Parts(schema, user_document, documents, context, limits, path, mailer=mailer)
        self.settings = settings

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of GraphQL and of the playground, for a Starlette or FastAPI application."""
        path = self.parts.path
        kinds = [(Route, path), (Route, path + ASSETS)]
        kinds += [(_KeysRoute, JWKS_PATH), (_KeysRoute, METADATA_PATH)]
        return [
            kind(path, _Forward(self._app, path), include_in_schema=False) for kind, path in kinds
        ]

    def on(self, name: EventName) -> Callable[[Hook], Hook]:
        """Register the decorated ``async def hook(event)`` for an event; see Hooks.

        Raises StartError for an unknown name, and TypeError for a function that is not async.
        """
        return self.parts.hooks.on(name)

    def claims(self, function: AddClaims) -> AddClaims:
        """Register the function whose dict is added to the access tokens of the user it gets."""
        inspect.signature(function).bind(None)
        if self.parts.hooks.add_claims:
            raise StartError("@auth.claims: there is another function already.")
        self.parts.hooks.add_claims = function
        return function

    def mount(self, app: Starlette) -> None:
        """Add the routes to an application, before its own."""
        app.router.routes[:0] = self.routes

    def app(self) -> Starlette:
        """Return an application that serves nothing else."""
        route = Route("/{path:path}", _Forward(self._app, "/{path}"))
        return Starlette(routes=[route], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Connect to the database, or start the embedded one, and run until the block ends.

        Raises StartError.
        """
        try:
            with provide_database(self.settings or read_settings()) as (settings, _):
                app = create_app(settings, parts=self.parts)
                app.middleware_stack = app.build_middleware_stack()
                async with app.router.lifespan_context(app):
                    yield
        except DirectoryInUse as error:
            serve = "graphql-auth serve MODULE:NAME --workers 4"
            hint = f"With several workers, set MONGO_URI, or run: {serve}"
            raise StartError(f"{error} {hint}") from None

    async def principal(self, request: HTTPConnection) -> Principal:
        """Return who calls a route that is not GraphQL, for ``Depends(auth.principal)``.

        It reads headers, and the query string if TOKEN_SOURCES has it, never the body. Raises
        HTTPException: 401 without a valid token, 503 when that cannot be known.
        """
        state = self._app().state
        sources = state.settings.token_sources - {TokenSource.BODY}
        caller = identify_caller(state.services.sessions, find_tokens(request, {}, sources))
        if isinstance(caller, Principal):
            return caller
        if isinstance(caller, Indeterminate):
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})
        headers = {"WWW-Authenticate": caller.reason.challenge}
        raise HTTPException(HTTPStatus.UNAUTHORIZED, headers=headers)

    def _app(self) -> Starlette:
        for app, (_, bound) in reversed(running.items()):
            if bound and app.state.parts is self.parts:
                return app
        raise RuntimeError("GraphQLAuth does not run: the application needs its lifespan.")


def _check_documents(user_document: type[UserDocument], others: Iterable[type[Document]]) -> None:
    """Raise StartError for a document that is stored otherwise than ours, or not with ours."""
    for option, value in user_document.model_config.items():
        if value and (option == "frozen" or option.startswith("str_")):
            problem = f"{option} would also change our fields; set it by Field for yours"
            raise StartError(f"{user_document.__name__}.model_config: {problem}.")
    for name, field in user_document.model_fields.items():
        ours, full_name = UserDocument.model_fields.get(name), f"{user_document.__name__}.{name}"
        # Beanie changes the defaults of a class that is defined when it has bound the parent.
        if ours and repr(field) != repr(ours):
            raise StartError(
                f"{full_name} is not as in UserDocument: do not declare it again, give it no alias,"
                " and define the class before an application starts."
            )
        if not ours and field.is_required():
            raise StartError(f"{full_name} needs a default, since stored users do not have it.")
        if any(isinstance(one, IndexedAnnotation) for one in field.metadata):
            raise StartError(
                f"{full_name}: Indexed has no effect in a subclass of UserDocument; put the index"
                " into the indexes of its class Settings."
            )
    if any(issubclass(other, UserDocument) and other is not user_document for other in others):
        raise StartError("documents: only user_document can be a subclass of UserDocument.")


class _Forward:
    """Forwards requests of a path to the application, which exists while its lifespan runs."""

    def __init__(self, app: Callable[[], Starlette], path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The prefix can be that of an APIRouter, which Starlette does not know, unlike a Mount.
        own, path = self.path.format(**scope["path_params"]), scope["path"]
        root = scope.get("root_path", "")
        if path not in {own, root + own}:
            scope.setdefault("app_root_path", root)
            scope["root_path"] = path.removesuffix(own)
        # Not the application itself: it would replace that of the host as ``request.app``.
        await cast("ASGIApp", self.app().middleware_stack)(scope, receive, send)


class _KeysRoute(Route):
    """Leaves its path to the host, which can have such a document too, unless we have one."""

    endpoint: _Forward

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        with suppress(RuntimeError):  # It does not run.
            if match is not Match.NONE:
                app = self.endpoint.app()
                is_ours = any(route.matches(scope)[0] is Match.FULL for route in app.routes)
                if is_ours and app.state.services.sessions.access_tokens.ring.published:
                    return match, found
        return Match.NONE, {}


def load_parts(name: str | None, metrics_port: int | None = None) -> Parts:
    """Return the parts of the application that ``module:attribute`` names. Raises StartError."""
    parts = Parts(create_schema()) if name is None else load(name).parts
    if metrics_port is None:
        return parts
    from graphql_auth.operations.metrics import Metrics  # noqa: PLC0415 - few servers need it

    return replace(parts, metrics=Metrics())


def load(name: str) -> GraphQLAuth:
    """Import the GraphQLAuth that ``module:attribute`` names. Raises StartError."""
    module_name, _, attribute = name.partition(":")
    # As python -m does.
    if (directory := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, directory)
    missing = StartError(f"There is no module {module_name!r} in {directory}.")
    if not all(map(str.isidentifier, module_name.split("."))):
        raise missing
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Otherwise it imports a module that is missing.
        is_missing = f"{module_name}.".startswith(f"{error.name}.")
        raise (missing if is_missing else error) from None
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise StartError(f"Cannot import {module_name!r}: {error.msg} ({place}).") from None
    found = getattr(module, attribute, None)
    if not isinstance(found, GraphQLAuth):
        reason = "is not a GraphQLAuth" if hasattr(module, attribute) else "does not exist"
        raise StartError(f"{name} {reason}; expected MODULE:NAME, such as main:auth.")
    return found
