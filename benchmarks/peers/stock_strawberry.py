"""Strawberry as its documentation shows it: "Starlette", "Permissions" and "Authentication".

CACHES adds what its pages "Parser Cache" and "Validation Cache" show.
"""

import os
from typing import Any

import jwt
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.permission import BasePermission
from strawberry.types import Info

TOKEN_KEY = os.environ["TOKEN_KEY"]
EXTENSIONS = [ParserCache, ValidationCache] if os.environ.get("CACHES") else []


class IsAuthenticated(BasePermission):
    message = "User is not authenticated"

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        request: Request = info.context["request"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            jwt.decode(token, TOKEN_KEY, ["HS256"])
        except jwt.PyJWTError:
            return False
        return True


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[IsAuthenticated])  # type: ignore[untyped-decorator]
    def welcome(self) -> str:
        return "Welcome 🙌"


schema = strawberry.Schema(query=Query, extensions=EXTENSIONS)
app = Starlette(routes=[Route("/graphql", GraphQL(schema))])
