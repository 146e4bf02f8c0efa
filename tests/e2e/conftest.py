import pytest


@pytest.fixture(autouse=True)
def without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start servers that measure no coverage, which is a third of the time that they need.

    What they run is measured where tests of its own folder run it.
    """
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
