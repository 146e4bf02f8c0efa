import pytest

from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import ApplicationError, BadInput, DatabaseUnavailable, Unavailable
from tests.accounts.overdue import LOGGED
from tests.accounts.signed_in import Database

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("error", "stays"),
    [(BadInput([]), False), (Unavailable(), False), (DatabaseUnavailable(), True)],
)
async def test_refused_change_leaves_the_log_unless_it_may_have_been_made(
    ada: SignedIn, database: Database, kind: Kind, error: ApplicationError, *, stays: bool
) -> None:
    with pytest.raises(type(error)):
        async with ChangeLog().record(kind, ada.user):
            raise error

    assert await database["graphql_auth_meta"].count_documents(LOGGED) == stays
