import pytest

from graphql_auth.mail import sender
from tests.certificates import certificates  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests call the sender themselves, so it waits for no mail; and machines can be slow."""
    monkeypatch.setattr(sender, "SECONDS_BETWEEN_POLLS", 0)
    monkeypatch.setattr(sender, "CLOSE_TIMEOUT", 60)
