from pathlib import Path

import pytest


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"
