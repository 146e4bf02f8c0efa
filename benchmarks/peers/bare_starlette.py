"""A floor for ``welcome``: Starlette and PyJWT as their documentation shows, without GraphQL."""

import os

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN_KEY = os.environ["TOKEN_KEY"]


def has_valid_token(request: Request) -> bool:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        jwt.decode(token, TOKEN_KEY, ["HS256"])
    except jwt.PyJWTError:
        return False
    return True


async def graphql(request: Request) -> Response:
    await request.body()
    if not has_valid_token(request):
        return JSONResponse({"errors": [{"message": "User is not authenticated"}]}, 401)
    return JSONResponse({"data": {"welcome": "Welcome 🙌"}})


app = Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])
