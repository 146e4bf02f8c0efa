"""Strawberry as its documentation shows it: "Starlette", "Permissions" and "Authentication".

CACHES adds what its pages "Parser Cache" and "Validation Cache" show.
"""

import os
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.permission import BasePermission
from strawberry.types import Info

from benchmarks.peers.bare_starlette import has_valid_token

EXTENSIONS = [ParserCache, ValidationCache] if os.environ.get("CACHES") else []


class IsAuthenticated(BasePermission):
    message = "User is not authenticated"

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:  # noqa: ARG002
        return has_valid_token(info.context["request"])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[IsAuthenticated])  # type: ignore[untyped-decorator]
    def welcome(self) -> str:
        return "Welcome 🙌"


schema = strawberry.Schema(query=Query, extensions=EXTENSIONS)
app = Starlette(routes=[Route("/graphql", GraphQL(schema))])
