"""A fingerprint of TOKEN_KEY in the database, to detect servers with different keys."""

import contextlib
import hashlib
import hmac
import logging
import secrets

from pymongo.errors import DuplicateKeyError

from graphql_auth.mongo.meta import MetaDocument

PURPOSE = b"graphql-auth fingerprint of the token key"
SALT_BYTES = 16
DIFFERENT_KEY = (
    "TOKEN_KEY is not the key that this database was last used with."
    " If another server uses another key, access tokens are refused at random:"
    " give all servers the same TOKEN_KEY."
    " If it was changed on purpose, this warning comes once, and clients have to refresh their"
    " access tokens; TOKEN_KEY_PREVIOUS avoids that."
)

logger = logging.getLogger(__name__)


async def check_token_key(key: str, *previous: str) -> None:
    """Log a warning if the database was last used with none of these keys, and store the first's.

    The fingerprint is a salted HMAC under a derived key. To guess the key from it takes at least as
    long as from the signature of an access token. Raises PyMongoError.
    """
    # PyMongo's collection, because Beanie has no ``$setOnInsert`` upsert in one command.
    collection = MetaDocument.get_pymongo_collection()
    salt = secrets.token_bytes(SALT_BYTES)
    own = {"salt": salt, "fingerprint": _fingerprint(key, salt)}
    with contextlib.suppress(DuplicateKeyError):  # Another server was faster.
        await collection.update_one({"_id": "token_key"}, {"$setOnInsert": own}, upsert=True)
    stored = await collection.find_one({"_id": "token_key"}) or own
    if hmac.compare_digest(stored["fingerprint"], _fingerprint(key, stored["salt"])):
        return
    earlier = (_fingerprint(secret, stored["salt"]) for secret in previous)
    if not any(hmac.compare_digest(stored["fingerprint"], one) for one in earlier):
        logger.warning(DIFFERENT_KEY)
    await collection.update_one({"_id": "token_key"}, {"$set": own})


def _fingerprint(key: str, salt: bytes) -> bytes:
    derived = hmac.digest(key.encode(), PURPOSE, hashlib.sha256)
    return hmac.digest(derived, salt, hashlib.sha256)
