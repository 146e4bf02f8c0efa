import pytest

from graphql_auth import Settings


@pytest.fixture
def settings(database_uri: str) -> Settings:
    return Settings.model_validate(
        {"mongo_uri": database_uri, "token_key": "k" * 32, "bcrypt_rounds": 4}
    )
