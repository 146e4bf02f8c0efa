"""The same shop in Starlette, without FastAPI."""

from main import auth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def me(request: Request) -> JSONResponse:
    principal = await auth.principal(request)
    return JSONResponse({"id": principal.subject})


app = Starlette(routes=[*auth.routes, Route("/me", me)], lifespan=auth.lifespan)
