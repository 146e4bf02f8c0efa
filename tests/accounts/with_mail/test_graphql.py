"""The mutations with links, as a frontend sends them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.context import context_factory
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.schema import create_schema
from graphql_auth.services import ServiceContainer
from graphql_auth.settings import TokenSource
from graphql_auth.users.document import UserDocument
from tests.accounts.signed_in import EMAIL, PASSWORD, Database
from tests.accounts.with_mail.links import NEW_PASSWORD, mailed_token, stored_user
from tests.client import WELCOME, code, extensions, reasons
from tests.services import NewServices

pytestmark = pytest.mark.anyio

MAILS = {"confirmEmail": "confirm_email", "confirmEmailChange": "change_email"}
NAMES = {"firstName": "Ada", "lastName": "Lovelace"}
VIEWER = "{ viewer { id email emailConfirmedAt hasPassword firstName } }"
SIGNED_IN = "{ token refreshToken deviceToken user { id email emailConfirmedAt hasPassword } }"
EMAIL_ONLY = "{ email }"
USER = "{ user { email emailConfirmedAt } }"
SELECTIONS = {
    "signUp": EMAIL_ONLY,
    "confirmSignUp": SIGNED_IN,
    "requestPasswordReset": EMAIL_ONLY,
    "resetPassword": SIGNED_IN,
    "changeEmail": EMAIL_ONLY,
    "confirmEmail": USER,
    "confirmEmailChange": USER,
    "requestSignInLink": EMAIL_ONLY,
    "signInWithLink": SIGNED_IN,
    "updateProfile": "{ user { id firstName lastName } }",
    "deleteAccount": "{ deletedUserId }",
    "register": SIGNED_IN,
    "login": SIGNED_IN,
}


class Page:
    """A page of the application in a browser."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.token = ""

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        headers = {"Origin": "http://localhost"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = (await self.http.post("/", json=body, headers=headers)).json()
        return answer

    async def do(self, name: str, **values: Any) -> dict[str, Any]:
        """Send a mutation with an input, and keep the access token."""
        kind = f"{name[0].upper()}{name[1:]}Input!"
        query = f"mutation ($input: {kind}) {{ {name}(input: $input) {SELECTIONS[name]} }}"
        answer = await self.ask(query, input=values)
        payload = (answer.get("data") or {}).get(name)
        self.token = (payload or {}).get("token", self.token)
        return payload or answer


@asynccontextmanager
async def open_page(services: ServiceContainer) -> AsyncIterator[Page]:
    create_context = context_factory(services, set(TokenSource), set())
    endpoint = GraphQLEndpoint(create_schema().core, create_context, EndpointConfig(), Playground())
    transport = httpx.ASGITransport(endpoint, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Page(http)


@pytest.fixture
async def services(new_services: NewServices) -> ServiceContainer:
    return await new_services(sign_in_links=True)


@pytest.fixture
async def page(services: ServiceContainer) -> AsyncIterator[Page]:
    async with open_page(services) as page:
        yield page


@pytest.fixture
async def other_browser(services: ServiceContainer) -> AsyncIterator[Page]:
    async with open_page(services) as page:
        yield page


async def test_whole_life_of_an_account(
    page: Page, other_browser: Page, services: ServiceContainer, database: Database
) -> None:
    answer = await page.do("signUp", email="Ada@Example.com", password=PASSWORD, **NAMES)
    assert answer == {"email": "Ada@Example.com"}
    token = await mailed_token(services, database, "sign_up")
    signed_in = await page.do("confirmSignUp", token=token, password=PASSWORD)
    assert signed_in["user"]["emailConfirmedAt"]
    assert signed_in["user"]["hasPassword"] is True
    user_id = signed_in["user"]["id"]

    await page.do("requestPasswordReset", email=EMAIL)
    token = await mailed_token(services, database, "reset_password")
    reset = await other_browser.do("resetPassword", token=token, newPassword=NEW_PASSWORD)
    assert reset["user"]["id"] == user_id
    assert extensions(await page.ask(WELCOME))["reason"] == "TOKEN_REVOKED"

    new_email = "countess@example.com"
    changed = await other_browser.do(
        "changeEmail", newEmail=new_email, currentPassword=NEW_PASSWORD
    )
    assert changed == {"email": new_email}
    token = await mailed_token(services, database, "change_email")
    # The link is opened where nobody is signed in, then where the user is.
    assert extensions(await page.do("confirmEmailChange", token=token))["code"] == "UNAUTHENTICATED"
    done = await other_browser.do("confirmEmailChange", token=token)
    assert done["user"]["email"] == new_email

    profile = await other_browser.do("updateProfile", firstName="Augusta")
    assert profile["user"] == {"id": user_id, "firstName": "Augusta", "lastName": "Lovelace"}

    await other_browser.do("requestSignInLink", email=new_email)
    token = await mailed_token(services, database, "sign_in_link")
    assert (await page.do("signInWithLink", token=token))["user"]["id"] == user_id

    gone = await page.do("deleteAccount", currentPassword=NEW_PASSWORD)
    assert gone == {"deletedUserId": user_id}
    for browser in (page, other_browser):
        assert extensions(await browser.ask(WELCOME))["reason"] == "TOKEN_REVOKED"
    login = await page.do("login", email=new_email, password=NEW_PASSWORD)
    assert code(login) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("way", ["confirmSignUp", "resetPassword", "signInWithLink"])
async def test_link_can_set_cookies(
    page: Page, services: ServiceContainer, database: Database, way: str
) -> None:
    await page.do("signUp", email=EMAIL, password=PASSWORD, **NAMES)
    token, values = await mailed_token(services, database, "sign_up"), {"password": PASSWORD}
    if way != "confirmSignUp":
        await page.do("confirmSignUp", token=token, **values)
        if way == "resetPassword":
            await page.do("requestPasswordReset", email=EMAIL)
            token, values = (
                await mailed_token(services, database, "reset_password"),
                {"newPassword": NEW_PASSWORD},
            )
        else:
            await page.do("requestSignInLink", email=EMAIL)
            token, values = await mailed_token(services, database, "sign_in_link"), {}

    signed_in = await page.do(way, token=token, useCookie=True, **values)

    assert (signed_in["refreshToken"], signed_in["deviceToken"]) == (None, None)
    assert {cookie.name for cookie in page.http.cookies.jar} == {"refresh-token", "device-token"}
    # The cookie of a deleted user goes too.
    password = values.get("newPassword", PASSWORD)
    await page.do("deleteAccount", currentPassword=password)
    assert {cookie.name for cookie in page.http.cookies.jar} == {"device-token"}


async def test_device_cookie_has_its_own_limit_of_mails(
    page: Page, other_browser: Page, services: ServiceContainer
) -> None:
    await page.do("register", email=EMAIL, password=PASSWORD, useCookie=True, **NAMES)
    for _ in range(3):
        await other_browser.do("requestPasswordReset", email=EMAIL)
    refused = await other_browser.do("requestPasswordReset", email=EMAIL)
    assert extensions(refused) == {"code": "TOO_MANY_ATTEMPTS", "retryAfter": 1200}
    refused = await other_browser.do("requestSignInLink", email=EMAIL)
    assert code(refused) == "TOO_MANY_ATTEMPTS"

    assert await page.do("requestPasswordReset", email=EMAIL) == {"email": EMAIL}
    assert await page.do("requestSignInLink", email=EMAIL) == {"email": EMAIL}
    del services


async def test_confirmation_is_seen_only_by_the_user(
    page: Page, other_browser: Page, services: ServiceContainer, database: Database
) -> None:
    await page.do("register", email=EMAIL, password=PASSWORD, **NAMES)
    query = "mutation { requestEmailConfirmation { email } }"
    assert (await page.ask(query))["data"]["requestEmailConfirmation"] == {"email": EMAIL}
    token = await mailed_token(services, database, "confirm_email")

    refused = await other_browser.do("confirmEmail", token=token)
    assert extensions(refused) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_MISSING"}
    shown = await other_browser.do("confirmEmail", token=token, password=PASSWORD)
    assert shown == {"user": None}

    assert (await stored_user(database)).email_confirmed_at
    viewer = (await page.ask(VIEWER))["data"]["viewer"]
    assert viewer["emailConfirmedAt"]
    assert code(await page.do("confirmEmail", token=token)) == "LINK_EXPIRED"


@pytest.mark.parametrize("way", ["confirmEmail", "confirmEmailChange"])
async def test_confirmation_is_acknowledged_if_the_session_ends_meanwhile(
    page: Page,
    services: ServiceContainer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    await page.do("register", email=EMAIL, password=PASSWORD, **NAMES)
    if way == "confirmEmail":
        await page.ask("mutation { requestEmailConfirmation { email } }")
    else:
        await page.do("changeEmail", newEmail="countess@example.com", currentPassword=PASSWORD)
    token = await mailed_token(services, database, MAILS[way])
    change_user = AccountParts.change_user

    async def change_and_log_out(*arguments: Any, **changes: Any) -> UserDocument:
        changed = await change_user(*arguments, **changes)
        await services.sessions.end_all(str(changed.id))
        return changed

    monkeypatch.setattr(AccountParts, "change_user", change_and_log_out)
    done = await page.do(way, token=token)

    assert done["user"]["emailConfirmedAt"]
    assert code(await page.do(way, token=token)) == "LINK_EXPIRED"


async def test_caller_sees_the_confirmed_user(
    page: Page, services: ServiceContainer, database: Database
) -> None:
    await page.do("register", email=EMAIL, password=PASSWORD, **NAMES)
    await page.ask("mutation { requestEmailConfirmation { email } }")
    token = await mailed_token(services, database, "confirm_email")

    shown = await page.do("confirmEmail", token=token)

    assert shown["user"]["email"] == EMAIL
    assert shown["user"]["emailConfirmedAt"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("confirmSignUp", {"password": PASSWORD}),
        ("confirmEmail", {}),
        ("resetPassword", {"newPassword": NEW_PASSWORD}),
        ("confirmEmailChange", {}),
        ("signInWithLink", {}),
    ],
)
@pytest.mark.parametrize("token", ["", "x", "A" * 60, f"{'A' * 16}.{'A' * 43}", "é" * 60])
async def test_made_up_token_is_an_expired_link(
    page: Page, name: str, values: dict[str, str], token: str
) -> None:
    assert extensions(await page.do(name, token=token, **values)) == {"code": "LINK_EXPIRED"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("changeEmail", {"newEmail": EMAIL, "currentPassword": PASSWORD}),
        ("updateProfile", {}),
        ("deleteAccount", {"currentPassword": PASSWORD}),
    ],
)
async def test_change_of_the_account_needs_a_token(
    page: Page, name: str, values: dict[str, str]
) -> None:
    assert code(await page.do(name, **values)) == "UNAUTHENTICATED"


async def test_profile_takes_given_names_only(page: Page) -> None:
    await page.do("register", email=EMAIL, password=PASSWORD, **NAMES)

    assert reasons(await page.do("updateProfile", firstName="", lastName=" ")) == {
        "firstName": "REQUIRED",
        "lastName": "REQUIRED",
    }
    kept = await page.do("updateProfile", firstName=None)
    assert kept["user"]["firstName"] == "Ada"


@pytest.mark.parametrize("mode", RegistrationMode)
async def test_features_say_what_there_is(
    new_services: NewServices, mode: RegistrationMode
) -> None:
    services = await new_services(registration=mode, sign_in_links=True, password_min_length=15)
    async with open_page(services) as page:
        answer = await page.ask("{ features { mail registration signInLinks passwordMinLength } }")

    assert answer["data"]["features"] == {
        "mail": True,
        "registration": mode.name,
        "signInLinks": True,
        "passwordMinLength": 15,
    }
