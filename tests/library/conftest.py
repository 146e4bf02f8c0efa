import gc
import warnings
from collections.abc import Iterator

import pytest

from graphql_auth import Settings


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    """Collect what PyMongo leaves open when a client is closed while it connects.

    Applications start and stop within milliseconds here. The garbage collector would find the
    sockets in any later test, whose failure the warning would be.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def settings(database_uri: str) -> Settings:
    return Settings.model_validate(
        {"mongo_uri": database_uri, "token_key": "k" * 32, "bcrypt_rounds": 4}
    )
