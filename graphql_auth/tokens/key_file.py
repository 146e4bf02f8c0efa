"""The signing key of a server with the embedded MongoDB, created at its first start."""

import secrets
from pathlib import Path

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file, write_private_file

KEY_BYTES = 32


def load_or_create_key(path: Path) -> str:
    """Return the key in ``path``, and create it with mode 0600 if it is missing.

    The caller has locked the directory. A crash leaves no incomplete key.

    Raises StartError when the file cannot be read or created, or other users can read it.
    """
    try:
        if not path.exists():
            write_private_file(path, secrets.token_urlsafe(KEY_BYTES).encode())
        if path.stat().st_mode & 0o077:
            raise StartError(f"{path} can be read by other users; run: chmod 600 {path}")
        key = read_file(path).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be used as the token key: {error}") from None
    if len(key) < KEY_BYTES:
        raise StartError(
            f"{path} contains no key of at least {KEY_BYTES} bytes; delete it to create a new one"
            " (all users have to log in again), or set TOKEN_KEY."
        )
    return key
