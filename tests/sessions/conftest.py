import pytest
from bson import ObjectId

from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.service import Tokens
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument

HERE = ClientInfo("192.0.2.1", "a test")


@pytest.fixture
async def user(service: AccountService) -> UserDocument:
    ada = Registration("Ada", "Lovelace", "ada@example.com", "correct horse")
    return (await service.register(ada, HERE)).user


@pytest.fixture
async def tokens(services: ServiceContainer, user: UserDocument) -> Tokens:
    return await services.sessions.begin(user, HERE)


def parse(text: str) -> RefreshToken:
    token = RefreshToken.parse(text)
    assert token is not None
    return token


async def refreshed(services: ServiceContainer, token: str) -> Tokens:
    return (await services.rotation.refresh(token, HERE))[1]


async def end_all(services: ServiceContainer, user: UserDocument) -> None:
    await services.sessions.logout_everywhere(Principal(str(user.id), str(ObjectId())), HERE)


async def refusal(services: ServiceContainer, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await services.rotation.refresh(token, HERE)
    return refused.value.reason


def lives(services: ServiceContainer, tokens: Tokens) -> bool:
    """Whether the access token works; if not, because its session has ended."""
    try:
        return services.sessions.authenticate(tokens.access.value).session_id == tokens.session_id
    except Unauthenticated as refused:
        return refused.reason is not TokenReason.TOKEN_REVOKED
