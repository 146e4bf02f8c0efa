"""The signing key that is made once for a server with the embedded MongoDB, and kept beside it."""

import os
import secrets
from pathlib import Path

from graphql_auth.errors import StartError

KEY_BYTES = 32


def load_or_create_key(path: Path) -> str:
    """Return the key in ``path``, which is made, mode 0600, if there is none yet.

    The caller holds the lock on the directory. The file appears whole or not at all, so a crash
    leaves no half key that would sign tokens.

    Raises StartError when the file cannot be read or made, or when others may read it.
    """
    try:
        if not path.exists():
            _write_whole(path, secrets.token_urlsafe(KEY_BYTES))
        if path.stat().st_mode & 0o077:
            raise StartError(f"{path} can be read by others; run: chmod 600 {path}")
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be used as the token key: {error}") from None
    if len(key) < KEY_BYTES:
        raise StartError(
            f"{path} holds no key of at least {KEY_BYTES} bytes; delete it to have one made"
            " (everyone has to log in again), or set TOKEN_KEY."
        )
    return key


def _write_whole(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
