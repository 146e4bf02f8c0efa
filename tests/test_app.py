import pytest

from graphql_auth.app import create_app
from graphql_auth.settings import Settings


def test_an_application_needs_a_database_and_a_key() -> None:
    with pytest.raises(ValueError, match="MONGO_URI and TOKEN_KEY"):
        create_app(Settings(mongo_uri=None, token_key=None))
