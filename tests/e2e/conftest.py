from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def without_coverage() -> Iterator[None]:
    """Start servers that measure no coverage, which is a third of the time that they need.

    What they run is measured where tests of its own folder run it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield
