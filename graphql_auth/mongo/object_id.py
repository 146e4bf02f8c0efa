"""The form of the ids of stored documents."""

import re
from typing import TypeGuard

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")


def is_object_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _OBJECT_ID.fullmatch(value) is not None
