"""Reads all users, also those whom other programs stored, in the raw form."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import WriteError

from graphql_auth.mongo.client import BACKGROUND
from graphql_auth.mongo.index_specs import declared_indexes, find_equal
from graphql_auth.users.document import UserDocument, stored_fields
from graphql_auth.users.repository import query_emails

Stored = Mapping[str, Any]

BATCH = 1_000
LISTED = ["email", "first_name", "last_name", "roles", "disabled", "email_confirmed_at"]
# A query matches the elements of an array too.
_NO_ARRAY = {"$not": {"$type": "array"}}
# Selects nearly all users who can log in: MongoDB takes a second for a million. PCRE's $ accepts a
# newline at the end, \z does not. The others can be duplicates, or refused by an application.
USUAL: Stored = {
    "_id": {"$type": "objectId"},
    "email": {"$regex": r"^(?!.*xn--)[!-@\[-~]{1,320}\z", **_NO_ARRAY},
    "password": {
        "$regex": r"^\$(2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}"
        r"|bcrypt-sha256\$v=2,t=2b,r=([4-9]|1[0-6])\$[./A-Za-z0-9]{22}\$[./A-Za-z0-9]{31})\z",
        **_NO_ARRAY,
    },
    "disabled": {"$in": [None, False, True], **_NO_ARRAY},
}
UNUSUAL: Stored = {"$nor": [USUAL]}


@dataclass(frozen=True, slots=True)
class UserScan:
    """Every method raises PyMongoError: to take long is no outage here."""

    document: type[UserDocument] = UserDocument

    async def read_all(self) -> AsyncGenerator[Stored]:
        """Yield all users, without their passwords, sorted by id.

        Each batch is one query, because a reader can take longer than a cursor lives.
        """
        users, query, number = UserDocument.get_pymongo_collection(), dict[str, Any](), BATCH
        while number == BATCH:
            number = 0
            cursor = users.find(query, LISTED, sort=[("_id", 1)], limit=BATCH, batch_size=BATCH)
            async for user in cursor:
                number += 1
                # Not a query for _id, which would compare ids of one type only.
                query = {"$expr": {"$gt": ["$_id", {"$literal": user["_id"]}]}}
                yield user

    async def find_batches(self, query: Stored) -> AsyncGenerator[list[Stored]]:
        """Yield batches of users."""
        users, fields = UserDocument.get_pymongo_collection(), stored_fields(self.document)
        async with users.find(query, fields, batch_size=BATCH, comment=BACKGROUND) as cursor:
            while batch := await cursor.to_list(BATCH):
                yield batch

    async def find_duplicates(self) -> AsyncGenerator[Stored]:
        """Yield the users whose e-mail is that of another user, exactly."""
        users = UserDocument.get_pymongo_collection()
        (unique,) = declared_indexes(UserDocument)
        if find_equal(unique, await (await users.list_indexes()).to_list()):
            # There are none, and it takes 15 s to see that among a million.
            return
        stages: list[Stored] = [
            {"$match": {"email": {"$regex": r"\S", **_NO_ARRAY}}},
            {"$group": {"_id": "$email", "ids": {"$push": "$_id"}}},
            {"$match": {"ids.1": {"$exists": True}}},
            {"$unwind": "$ids"},
            {"$project": {"_id": "$ids", "email": "$_id"}},
        ]
        async with await users.aggregate(stages, allowDiskUse=True) as cursor:
            async for user in cursor:
                yield user

    async def find_holders(self, emails: Sequence[str]) -> Mapping[str, set[str]]:
        """Return who has these e-mails: for each, the ids as text, since an id can be anything."""
        holders = defaultdict[str, set[str]](set)
        users = UserDocument.get_pymongo_collection()
        async for user in users.find(query_emails(emails), ["email"]):
            if isinstance(user["email"], str):
                holders[user["email"]].add(repr(user["_id"]))
        return holders

    async def change_email(self, user_id: object, email: str | None, new_email: str) -> bool:
        """Change an e-mail; False if it was changed already, is taken, or a validator refuses."""
        try:
            result = await UserDocument.get_pymongo_collection().update_one(
                {"_id": user_id, "email": email}, {"$set": {"email": new_email}}
            )
        except WriteError:
            return False
        return result.modified_count > 0
