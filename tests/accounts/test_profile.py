from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import BadInput, Unauthenticated
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.repository import UserRepository
from tests.accounts.signed_in import HERE, Database
from tests.accounts.with_mail.links import ADA, stored_user

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((" Augusta ", "King"), ("Augusta", "King")),
        ((None, "King"), ("Ada", "King")),
        (("Augusta", None), ("Augusta", "Lovelace")),
        ((None, None), ("Ada", "Lovelace")),
    ],
)
async def test_given_names_change(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    given: tuple[str | None, str | None],
    names: tuple[str, str],
) -> None:
    user = await services.accounts.update_profile(principal, *given)

    assert (user.first_name, user.last_name) == names
    assert user == await stored_user(database)


async def test_names_are_checked(services: ServiceContainer, principal: Principal) -> None:
    with pytest.raises(BadInput) as refused:
        await services.accounts.update_profile(principal, "", "x" * 201)

    assert [(fault.field, fault.reason) for fault in refused.value.fields] == [
        ("firstName", "REQUIRED"),
        ("lastName", "TOO_LONG"),
    ]


@pytest.mark.parametrize("is_read_before", [True, False])
async def test_profile_of_a_deleted_user_does_not_change(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_read_before: bool,
) -> None:
    change = UserRepository.change

    async def overtaken(*arguments: Any, **named: Any) -> Any:
        await database["users"].delete_many({})
        return await change(*arguments, **named)

    if is_read_before:
        monkeypatch.setattr(UserRepository, "change", overtaken)
    else:
        await database["users"].delete_many({})
    with pytest.raises(Unauthenticated):
        await services.accounts.update_profile(principal, "Augusta", None)
