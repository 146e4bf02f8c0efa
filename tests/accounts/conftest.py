import pytest

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.services import ServiceContainer
from graphql_auth.users.repository import UserRepository


@pytest.fixture
def users(services: ServiceContainer) -> UserRepository:
    return UserRepository(services.indexes)


@pytest.fixture
def admin(services: ServiceContainer) -> UserAdmin:
    return services.admin
