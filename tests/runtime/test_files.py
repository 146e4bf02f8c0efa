import fcntl
import os
import resource
from pathlib import Path

import pytest

from graphql_auth.runtime.files import read_file


def test_file_is_read_beside_a_thousand_connections(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(b"data")
    open_file = os.open

    def open_above_a_thousand(name: str, flags: int) -> int:
        descriptor = open_file(name, flags)
        try:
            return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 1024)
        finally:
            os.close(descriptor)

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, limits[1]))
    monkeypatch.setattr(os, "open", open_above_a_thousand)
    try:
        assert read_file(tmp_path / "key") == b"data"
    finally:
        monkeypatch.undo()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
