"""Each command of a request has the shard key of its collection; see docs/scale.md."""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from graphql_auth.accounts.change_log import Kind
from graphql_auth.context import context_factory
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.schema import create_schema
from graphql_auth.services import DOCUMENTS, ServiceContainer
from graphql_auth.settings import TokenSource
from tests.accounts.signed_in import Database
from tests.accounts.with_mail.links import mailed_token, stored_user
from tests.client import code
from tests.commands import Commands
from tests.mail.mailbox import Mailbox
from tests.services import NewServices

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text()
# Of the sharded collections.
SHARD_KEYS = dict(re.findall(r"`(\w+)` (?:is sharded )?by `\{(\w+): ", PAGE))
EMAIL, PASSWORD, NEW_PASSWORD = "ada@example.com", "correct horse", "battery staple"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NAMES = {"firstName": "Ada", "lastName": "Lovelace"}
NEW_EMAIL, NOBODY = "augusta@example.com", "nobody@example.com"

# How each command selects documents.
SELECTORS: Mapping[str, Callable[[Mapping[str, Any]], list[Mapping[str, Any]]]] = {
    "find": lambda command: [command["filter"]],
    "count": lambda command: [command["query"]],
    "findAndModify": lambda command: [command["query"]],
    "update": lambda command: [one["q"] for one in command["updates"]],
    "delete": lambda command: [one["q"] for one in command["deletes"]],
    "insert": lambda command: command["documents"],
    "aggregate": lambda command: [command["pipeline"][0].get("$match", {})],
    "listIndexes": lambda _: [{}],
    # It continues a find or an aggregate.
    "getMore": lambda _: [],
}


def collection_of(command: Mapping[str, Any]) -> str:
    """The collection of a command; that of others, such as ``ping``, is a number."""
    return str(command.get("collection", next(iter(command.values()))))


def find_broadcasts(sent: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the commands on sharded collections that do not have a value of the shard key."""
    for command in sent:
        name, collection = next(iter(command)), collection_of(command)
        if collection in SHARD_KEYS:
            key = SHARD_KEYS[collection]
            for selector in SELECTORS[name](command):
                if not isinstance(selector.get(key), str | ObjectId):
                    yield name, collection


def find_changed_keys(sent: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the updates that change or remove the shard key, which a shard refuses."""
    for command in sent:
        key = SHARD_KEYS.get(collection_of(command))
        updates = [one["u"] for one in command.get("updates", ())]
        updates += [command["update"]] if "update" in command and "query" in command else []
        for update in updates if key else ():
            for stage in update if isinstance(update, list) else [update]:
                for operator, fields in stage.items():
                    if (key in fields) != (operator == "$project"):
                        yield operator, collection_of(command)


@pytest.fixture
async def services(commands: Commands, new_services: NewServices) -> ServiceContainer:
    services = await new_services(
        mailer=Mailbox(), sign_in_links=True, max_sessions_per_user=2, refresh_grace=timedelta()
    )
    commands.sent.clear()
    return services


class Caller:
    """Sends operations, and remembers the root fields that succeeded."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.succeeded: set[str] = set()
        self.session: dict[str, Any] = {}

    async def ask(self, operation: str, *, refusal: str | None = None, **values: Any) -> Any:
        """Send a query, or a mutation, which is the name of its field without braces."""
        query = operation
        if not operation.startswith("{"):
            name, _, selection = operation.partition(" ")
            kind = f"($input: {name[0].upper()}{name[1:]}Input!)" if values else ""
            argument = "(input: $input)" if values else ""
            query = f"mutation {kind} {{ {name}{argument} {selection} }}"
        token = self.session.get("token")
        answer = await self._http.post(
            "/",
            json={"query": query, "variables": {"input": values}},
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        found = answer.json()
        assert (code(found) if "errors" in found else None) == refusal, found
        if refusal:
            return None
        self.succeeded |= found["data"].keys()
        return next(iter(found["data"].values()))

    async def sign_in(self, field: str, **values: Any) -> None:
        """Send a mutation that begins or renews a session, and go on in that."""
        operation = f"{field} {{ token refreshToken user {{ id }} }}"
        self.session = await self.ask(operation, **values)


@pytest.fixture
async def caller(services: ServiceContainer) -> AsyncIterator[Caller]:
    context = context_factory(services, set(TokenSource), set())
    endpoint = GraphQLEndpoint(create_schema().core, context, EndpointConfig(), Playground())
    transport = httpx.ASGITransport(endpoint)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Caller(http)


def test_documented_shard_keys_are_those_of_our_collections() -> None:
    names = {document.Settings.name: document for document in DOCUMENTS}

    assert SHARD_KEYS == {"graphql_auth_sessions": "user_id", "graphql_auth_attempts": "_id"}
    for name, key in SHARD_KEYS.items():
        assert key.removeprefix("_") in names[name].model_fields


async def use_passwords(caller: Caller) -> None:
    await caller.sign_in("register", **NAMES, email=EMAIL, password=PASSWORD)
    await caller.sign_in("login", email=EMAIL, password=PASSWORD)
    await caller.sign_in("changePassword", currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    await caller.ask("updateProfile { user { firstName } }", firstName="Augusta")
    for mutation, values in {
        "register { token }": {**NAMES, "email": EMAIL, "password": PASSWORD},
        "login { token }": {"email": EMAIL, "password": PASSWORD},
        "login { token } ": {"email": NOBODY, "password": PASSWORD},
        "changePassword { token }": {"currentPassword": "x", "newPassword": PASSWORD},
        "deleteAccount { deletedUserId }": {"currentPassword": PASSWORD},
    }.items():
        refusal = "EMAIL_TAKEN" if "register" in mutation else "INVALID_CREDENTIALS"
        await caller.ask(mutation, refusal=refusal, **values)


async def use_sessions(caller: Caller) -> None:
    for _ in range(3):
        # The third one evicts the first one.
        await caller.sign_in("login", email=EMAIL, password=NEW_PASSWORD)
    await caller.ask("{ features { mail } }")
    await caller.ask("{ welcome }")
    viewer = await caller.ask("{ viewer { id sessions(first: 1) { edges { cursor } } } }")
    (edge,) = viewer["sessions"]["edges"]
    page = f'sessions(after: "{edge["cursor"]}") {{ edges {{ node {{ id }} }} }}'
    (edge,) = (await caller.ask(f"{{ viewer {{ {page} }} }}"))["sessions"]["edges"]
    for global_id in (viewer["id"], edge["node"]["id"]):
        assert await caller.ask(f'{{ node(id: "{global_id}") {{ id }} }}')
    for is_live in (True, False):
        assert await caller.ask("revokeSession", id=edge["node"]["id"]) is is_live
    replayed = caller.session["refreshToken"]
    await caller.sign_in("refreshToken", refreshToken=replayed)
    await caller.ask("refreshToken { token }", refusal="UNAUTHENTICATED", refreshToken=replayed)
    for logout in ("logout", "logoutEverywhere"):
        for _ in range(2):
            await caller.sign_in("login", email=EMAIL, password=NEW_PASSWORD)
        await caller.ask(logout)
    await caller.sign_in("login", email=EMAIL, password=NEW_PASSWORD)


async def use_links(caller: Caller, services: ServiceContainer, database: Database) -> None:
    async def token(template: str) -> str:
        return await mailed_token(services, database, template)

    await caller.ask("requestEmailConfirmation { email }")
    await caller.ask("confirmEmail { user { id } }", token=await token("confirm_email"))
    await caller.ask("changeEmail { email }", newEmail=NEW_EMAIL, currentPassword=NEW_PASSWORD)
    await caller.ask("confirmEmailChange { user { id } }", token=await token("change_email"))
    await caller.ask("requestPasswordReset { email }", email=NEW_EMAIL)
    values = {"token": await token("reset_password"), "newPassword": PASSWORD}
    await caller.sign_in("resetPassword", **values)
    await caller.ask("requestSignInLink { email }", email=NEW_EMAIL)
    await caller.sign_in("signInWithLink", token=await token("sign_in_link"))
    await caller.ask("deleteAccount { deletedUserId }", currentPassword=PASSWORD)
    caller.session = {}
    await caller.ask("signUp { email }", **NAMES, email=EMAIL, password=PASSWORD)
    await caller.sign_in("confirmSignUp", token=await token("sign_up"), password=PASSWORD)


async def test_each_command_of_a_request_has_the_shard_key(
    services: ServiceContainer, caller: Caller, commands: Commands, database: Database
) -> None:
    await use_passwords(caller)
    await use_sessions(caller)
    await use_links(caller, services, database)

    core = create_schema().core
    assert core.query_type
    assert core.mutation_type
    assert caller.succeeded == {*core.query_type.fields, *core.mutation_type.fields}
    assert {name for name in map(collection_of, commands.sent) if name in SHARD_KEYS} == {
        *SHARD_KEYS
    }
    assert [*find_broadcasts(commands.sent)] == []
    assert [*find_changed_keys(commands.sent)] == []


async def test_background_jobs_that_ask_all_shards_are_documented(
    services: ServiceContainer,
    caller: Caller,
    commands: Commands,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each job has work: to renew a lease, to complete a password change, and to send a mail."""
    monkeypatch.setattr("graphql_auth.mail.sender.SECONDS_BETWEEN_POLLS", 0)
    await caller.sign_in("register", **NAMES, email=EMAIL, password=PASSWORD)
    await caller.ask("requestEmailConfirmation { email }")
    user = await stored_user(database)
    logged = (Kind.PASSWORD_CHANGE, user, user.password, str(ObjectId()))
    await services.password_change.log.add(*logged)
    await database["users"].update_one({"_id": user.id}, {"$inc": {"password_changes": 1}})
    await database["graphql_auth_meta"].update_many({}, {"$set": {"begun_at": LONG_AGO}})
    broadcasting = set()
    async with services.accounts.throttle.attempt(
        services.accounts.throttle.reauth_keys("a session")
    ):
        for _, job in services.periodic_jobs:
            commands.sent.clear()
            await job()
            assert commands.sent or job == services.sessions.access_tokens.ring.poll
            if [*find_broadcasts(commands.sent)]:
                broadcasting.add(job.__name__)

    (documented,) = re.findall(r"background jobs ask all shards: (.*?)\.", PAGE)
    assert broadcasting == set(re.findall(r"\w+", documented))
    assert await database["graphql_auth_revocations"].count_documents({}) == 1
