import pytest

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.repository import UserRepository
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD


@pytest.fixture
def users(services: ServiceContainer) -> UserRepository:
    return UserRepository(services.indexes)


@pytest.fixture
def admin(services: ServiceContainer) -> UserAdmin:
    return services.admin


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(Registration("Ada", "L", EMAIL, PASSWORD), HERE)


@pytest.fixture
def principal(services: ServiceContainer, ada: SignedIn) -> Principal:
    return services.sessions.authenticate(ada.tokens.access.value)
