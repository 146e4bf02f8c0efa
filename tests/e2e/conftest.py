import pytest


@pytest.fixture(scope="module", autouse=True)
def _without_coverage(without_coverage: None) -> None:
    """End-to-end tests show what users see; other tests run each line."""
