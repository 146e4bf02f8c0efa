"""The users of an old database: 67, as years of scripts, imports and versions leave them."""

from datetime import UTC, datetime
from typing import Any

import bcrypt
from bson import ObjectId

PASSWORD = "correct horse"
USERS = 67

# They log in to the old server. docs/moving.md says why they cannot log in here.
CANNOT_LOG_IN_HERE = {
    "Near@example.com",
    "disabled-text@example.com",
    # On purpose, so no command lists it.
    DISABLED := "disabled@example.com",
}


def hash_password(password: str, version: bytes = b"2b", rounds: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds, version)).decode()


def create_users() -> list[dict[str, Any]]:
    """Return new documents of the collection ``users``."""
    hashed = hash_password(PASSWORD)
    names = {"first_name": "Ada", "last_name": "Lovelace", "__v": 0}
    usual = names | {"password": hashed}
    odd: list[dict[str, Any]] = [
        {"email": "ada@example.com", **names, "password": hash_password(PASSWORD, b"2a", 10)},
        # Names.
        {"email": "no-name@example.com", "password": hashed},
        {"email": "null-name@example.com", **usual, "first_name": None, "last_name": None},
        {"email": "number@example.com", **usual, "first_name": 5, "last_name": True},
        {"email": "long-name@example.com", **usual, "first_name": "A" * 500},
        {"email": "other-script@example.com", **usual, "first_name": "Ада \N{WHITE SMILING FACE}"},
        # Passwords.
        {"email": "2y@example.com", **usual, "password": hashed.replace("$2b$", "$2y$")},
        {"email": "cost-12@example.com", **names, "password": hash_password(PASSWORD, rounds=12)},
        {"email": "no-password@example.com", **names},
        {"email": "null-password@example.com", **names, "password": None},
        {"email": "plain-password@example.com", **names, "password": PASSWORD},
        {"email": "md5@example.com", **names, "password": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"email": "cut-off@example.com", **names, "password": hashed[:-1]},
        # E-mails.
        {"email": "Mixed.Case@Example.com", **usual},
        {"email": " blank@example.com", **usual},
        {"email": "blank.behind@example.com ", **usual},
        {"email": "Near@example.com", **usual},
        {"email": "near@example.com", **names, "password": hash_password("another horse")},
        {"email": "jos\u00e9@example.com", **usual},
        {"email": "jose\u0301.nfd@example.com", **usual},
        {"email": "idn@b\u00fccher.example", **usual},
        {"email": "idn@xn--mller-kva.example", **usual},
        {"email": "same@example.com", **usual},
        {"email": "same@example.com", **names, "password": hash_password("another horse")},
        {"email": "same@example.com", **names, "password": hash_password("a third horse")},
        {**usual},
        # Ids, and fields that have a meaning here.
        {"_id": "text-id", "email": "text-id@example.com", **usual},
        {"email": DISABLED, **usual, "disabled": True},
        {"email": "disabled-text@example.com", **usual, "disabled": "since 2020"},
        {"email": "not-disabled@example.com", **usual, "disabled": "no"},
        {"email": "roles@example.com", **usual, "roles": "admin"},
        # Fields of the tutorial and of others.
        {"email": "token@example.com", **usual, "token": "eyJhbGciOiJIUzI1NiJ9.e30.x", "__v": 3},
        {
            "email": "more@example.com",
            **usual,
            "role": "admin",
            "avatar": {"url": "a.png", "sizes": [1, 2]},
            "createdAt": datetime(2020, 1, 1, tzinfo=UTC),
        },
    ]
    rest = USERS - len(odd)
    usuals = [{"email": f"user-{number}@example.com", **usual} for number in range(rest)]
    return [{"_id": ObjectId(), **one} for one in odd + usuals]
