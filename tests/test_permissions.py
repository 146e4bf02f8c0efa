from typing import Any

import httpx
import pytest
import strawberry
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.context import context_factory
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.permissions import HasRole, IsAuthenticated
from graphql_auth.schema import Query, create_schema, sdl
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.service import Tokens

pytestmark = pytest.mark.anyio

HERE = ClientInfo("192.0.2.1", "a test")
ADA = Registration("Ada", "Lovelace", "ada@example.com", "correct horse")
Database = AsyncDatabase[dict[str, Any]]


@strawberry.type
class Shop(Query):
    @strawberry.field(permission_classes=[HasRole("admin")])  # type: ignore[untyped-decorator]
    async def revenue(self) -> int:
        return 42

    audit: str = strawberry.field(
        resolver=lambda: "all is well",
        permission_classes=[IsAuthenticated, HasRole("admin"), HasRole("auditor")],
    )


SCHEMA = create_schema(query=Shop)


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def sign_in(services: ServiceContainer, database: Database, *roles: str) -> Tokens:
    await database["users"].update_one({}, {"$set": {"roles": roles}})
    return (await services.accounts.login(ADA.email, ADA.password, HERE)).tokens


async def ask(services: ServiceContainer, query: str, tokens: Tokens | None = None) -> Any:
    context = context_factory(services, {"authorization"}, set())
    endpoint = GraphQLEndpoint(SCHEMA.core, context, EndpointConfig(), Playground())
    headers = {"Authorization": f"Bearer {tokens.access.value}"} if tokens else {}
    transport = httpx.ASGITransport(endpoint)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.post("/graphql", json={"query": query}, headers=headers)).json()


async def extensions(
    services: ServiceContainer, query: str, tokens: Tokens | None = None
) -> dict[str, Any]:
    answer = await ask(services, query, tokens)
    (error,) = answer["errors"]
    assert answer["data"] is None
    return dict(error["extensions"])


@pytest.mark.usefixtures("ada")
async def test_field_with_a_role_is_for_users_who_have_it(
    services: ServiceContainer, database: Database
) -> None:
    tokens = await sign_in(services, database, "admin")

    assert await ask(services, "{ revenue welcome }", tokens) == {
        "data": {"revenue": 42, "welcome": "Welcome 🙌"}
    }


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("roles", [(), ("admins",), ("adm",), ("auditor",)])
async def test_field_without_its_role_is_forbidden(
    services: ServiceContainer, database: Database, roles: tuple[str, ...]
) -> None:
    tokens = await sign_in(services, database, *roles)

    refused = {"code": "FORBIDDEN", "reason": "ROLE_REQUIRED", "role": "admin"}
    assert await extensions(services, "{ revenue }", tokens) == refused
    assert await extensions(services, "{ audit }", tokens) == refused


@pytest.mark.usefixtures("ada")
async def test_all_roles_of_a_field_are_required(
    services: ServiceContainer, database: Database
) -> None:
    tokens = await sign_in(services, database, "admin")
    assert (await extensions(services, "{ audit }", tokens))["role"] == "auditor"

    tokens = await sign_in(services, database, "auditor", "admin")
    assert await ask(services, "{ audit }", tokens) == {"data": {"audit": "all is well"}}


async def test_field_with_a_role_needs_a_valid_token(
    services: ServiceContainer, ada: SignedIn
) -> None:
    for query in ("{ revenue }", "{ audit }"):
        missing = {"code": "UNAUTHENTICATED", "reason": "TOKEN_MISSING"}
        assert await extensions(services, query) == missing

    await services.sessions.end(str(ada.user.id), ada.tokens.session_id)
    revoked = {"code": "UNAUTHENTICATED", "reason": "TOKEN_REVOKED"}
    assert await extensions(services, "{ revenue }", ada.tokens) == revoked


@pytest.mark.usefixtures("ada")
async def test_viewer_shows_roles_sorted(services: ServiceContainer, database: Database) -> None:
    tokens = await sign_in(services, database, "editor", "admin")
    query = "{ viewer { roles } }"

    expected = {"data": {"viewer": {"roles": ["admin", "editor"]}}}
    assert await ask(services, query, tokens) == expected
    await database["users"].update_one({}, {"$unset": {"roles": True}})
    assert await ask(services, query, tokens) == {"data": {"viewer": {"roles": []}}}


def test_role_adds_no_directive_to_the_schema() -> None:
    assert "revenue: Int!\n" in sdl(SCHEMA)


@pytest.mark.parametrize(
    "role", ["", "Admin", "site owner", "r" * 65, "1st", "admin\n", "\u00e9diteur", None]
)
def test_name_that_no_role_can_have_is_refused(role: Any) -> None:
    with pytest.raises(ValueError, match="the name of a role is a letter from a to z"):
        HasRole(role)
