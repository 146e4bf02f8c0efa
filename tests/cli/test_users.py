from typing import NoReturn

import pytest

from graphql_auth.cli.users import change_user
from graphql_auth.errors import StartError, Unavailable
from graphql_auth.settings import read_settings
from graphql_auth.users.repository import UserRepository
from tests.conftest import KEY


def test_a_database_that_goes_away_is_told(
    database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> NoReturn:
        raise Unavailable

    monkeypatch.setattr(UserRepository, "with_email", gone)
    settings = read_settings(mongo_uri=database_uri, token_key=KEY)

    with pytest.raises(StartError, match="MongoDB went away before it was done; run it again"):
        change_user(settings, "disable", "ada@example.com")
