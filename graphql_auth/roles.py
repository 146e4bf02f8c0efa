"""The names of roles."""

import re
from typing import TypeGuard

MAX_ROLES = 32
ROLE_FORM = "a letter from a to z, then at most 63 of a-z, 0-9, _, ., : and -"
_NAME = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")


def is_role(value: object) -> TypeGuard[str]:
    """Whether a value is the name of a role, which access tokens can contain."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
