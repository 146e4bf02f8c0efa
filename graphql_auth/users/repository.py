"""The collection of users."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from beanie import PydanticObjectId
from beanie.odm.utils.encoder import Encoder
from bson import ObjectId, decode, encode
from bson.errors import BSONError
from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from pymongo import timeout
from pymongo.errors import WriteError
from pymongo.results import UpdateResult

from graphql_auth.errors import (
    BadInput,
    DatabaseUnavailable,
    EmailTaken,
    FieldError,
    FieldReason,
    StartError,
)
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.roles import MAX_ROLES
from graphql_auth.users import emails
from graphql_auth.users.document import (
    EMAIL_INDEX,
    NOT_ALLOWED,
    UserDocument,
    describe_refusal,
    explain_refusal,
    stored_fields,
)

# For a command of the operator, on any number of users.
CONFIRM_ALL_TIMEOUT = 24 * 3600.0

# No roles, or a list of fewer than MAX_ROLES texts.
_TAKES_ROLE = {
    "roles": {"bsonType": "array", "items": {"bsonType": "string"}, "maxItems": MAX_ROLES - 1}
}
_TAKEN = FieldReason.TAKEN, "Another account has this value."


class UserRefused(StartError):
    """The document of an application refuses a stored user."""


class UserRepository:
    """Finds, adds and changes users. Every method raises Unavailable and UserRefused.

    ``document`` is what is read: UserDocument, or the subclass of an application.
    """

    def __init__(self, indexes: IndexMonitor, document: type[UserDocument] = UserDocument) -> None:
        self._indexes = indexes
        self.document = document
        # Not those of other programs, whose values can be invalid.
        self._fields = stored_fields(document)
        self._added = set(self._fields).difference(UserDocument.model_fields)
        self._email_index = EMAIL_INDEX

    async def get(self, user_id: str) -> UserDocument | None:
        """Return the user with this id, 24 hexadecimal digits."""
        (user,) = await self.get_many([user_id])
        if isinstance(user, Exception):
            raise user
        return user

    async def get_many(self, user_ids: Sequence[str]) -> list[UserDocument | Exception | None]:
        """Return the users with these ids in one query, as a DataLoader takes them.

        For one whom the document of the application refuses, that is the exception.
        """
        ids = list(map(PydanticObjectId, user_ids))
        found = dict[ObjectId, UserDocument | Exception]()
        for values in await self._find({"_id": {"$in": ids}}):
            try:
                found[values["_id"]] = self.load(values)
            except UserRefused as refused:
                found[values["_id"]] = refused
        return [found.get(user_id) for user_id in ids]

    async def find_by_email(self, email: str) -> UserDocument | None:
        """Return the user with this canonical e-mail, in whichever spelling it is stored."""
        spellings = emails.spellings(email)
        stored = await self._find(query_emails(spellings))
        # The query finds an e-mail in an array too.
        found = {one["email"]: one for one in stored if isinstance(one["email"], str)}
        return next((self.load(found[email]) for email in spellings if email in found), None)

    async def has_foreign_id(self, email: str, user_id: str) -> bool:
        """Whether a user with this e-mail or this id has another id than an ObjectId."""
        ids = [user_id, int(user_id)] if re.fullmatch("-?[0-9]{1,18}", user_id) else [user_id]
        is_meant = [query_emails(emails.spellings(email)), {"_id": {"$in": ids}}]
        query = {"_id": {"$not": {"$type": "objectId"}}, "$or": is_meant}
        with translate_driver_errors():
            return await UserDocument.get_pymongo_collection().find_one(query, ["_id"]) is not None

    async def refuse_taken(self, email: str) -> None:
        """Raise EmailTaken if a canonical e-mail is stored, in any spelling.

        Raises Unavailable also while the unique index on the e-mail is missing.
        """
        if not (names := await self._indexes.check(UserDocument)):
            raise DatabaseUnavailable
        (self._email_index,) = names
        with translate_driver_errors():
            # Also by a document that is not served.
            taken = await UserDocument.get_pymongo_collection().find_one(
                query_emails(emails.spellings(email)), {"_id": True}
            )
        if taken:
            raise EmailTaken

    def create(self, added: Mapping[str, Any], **values: Any) -> UserDocument:
        """Return a user that is not stored yet.

        ``added`` are the values of the fields that an application adds to the document; others in
        it are ignored. Raises BadInput for those that the document refuses.
        """
        own = {name: added[name] for name in added.keys() - UserDocument.model_fields.keys()}
        try:
            user = self.document(**own, **values)
        except ValidationError as error:
            raise BadInput([*map(explain_refusal, error.errors(include_input=False))]) from None
        # Not each type is read as it is stored, such as Decimal.
        options = UserDocument.get_pymongo_collection().codec_options
        self.load(decode(encode(self.dump(user), codec_options=options), options))
        return user

    def dump(self, user: UserDocument) -> dict[str, Any]:
        """Return what is stored of a user; raises BadInput for values that BSON does not have."""
        values = user.model_dump(by_alias=True, exclude={"revision_id"}, exclude_none=True)
        # As Beanie stores dates, enumerations and sets, which the driver refuses.
        encoder = Encoder(custom_encoders=self.document.get_settings().bson_encoders)
        encoded, refused = dict[str, Any](), list[str]()
        for name, value in values.items():
            try:
                encoded[name] = encoder.encode(value)
                encode({name: encoded[name]})
            except (UnicodeEncodeError, ArithmeticError, BSONError):
                # A lone surrogate, a date before the year 1 in UTC, a number with too many digits.
                refused.append(name)
        if refused:
            raise _refuse(refused, *NOT_ALLOWED)
        return encoded

    def load(self, values: Mapping[str, Any] | None) -> UserDocument:
        """Return the user that is stored like this."""
        try:
            user: UserDocument = self.document.model_validate(values)
        except Exception as error:  # A validator of an application can raise any.
            collection = UserDocument.get_pymongo_collection().name
            raise UserRefused(
                f"The user {(values or {}).get('_id')} cannot be read: "
                f"{describe_refusal(self.document, error)}. Correct the values in {collection}."
            ) from error
        return user

    async def add(self, user: UserDocument) -> UserDocument:
        """Store a new user; the unique index decides between concurrent registrations.

        Raises EmailTaken, and BadInput for what an index or a validator of the application refuses.
        """
        new = {"$setOnInsert": self.dump(user)}
        # Not an insert: only an update takes a hint, with which the command fails if the index is
        # missing, even if it was dropped after refuse_taken.
        result = await self._update({"email": user.email}, new, upsert=True, hint=self._email_index)
        if result.upserted_id is None:
            raise EmailTaken
        user.id = result.upserted_id
        return user

    async def is_unchanged(self, user: UserDocument) -> bool:
        """Whether the user still exists, enabled, with the password and all roles of ``user``."""
        stored = await self.get(str(user.id))
        return (
            stored is not None
            and not stored.disabled
            and stored.password_changes == user.password_changes
            and set(stored.roles) >= set(user.roles)
        )

    async def change(self, user: UserDocument, **changes: Any) -> UserDocument | None:
        """Set fields; None if e-mail or password were changed since ``user`` was read.

        One atomic command decides between concurrent changes, and the unique index between two
        users of a new e-mail. Raises EmailTaken. Call ``refuse_taken`` before for an e-mail.
        """
        # With the hint, the command fails if the index is missing.
        hint = self._email_index if "email" in changes else None
        result = await self._update(_unchanged(user), {"$set": changes}, hint=hint)
        return user.model_copy(update=changes) if result.matched_count else None

    async def confirm_all(self, now: datetime) -> int:
        """Count every e-mail as confirmed, and return how many were not."""
        with translate_driver_errors(writing=UserDocument), timeout(CONFIRM_ALL_TIMEOUT):
            result = await UserDocument.get_pymongo_collection().update_many(
                {"email_confirmed_at": {"$not": {"$type": "date"}}},
                {"$set": {"email_confirmed_at": now}},
            )
        return result.modified_count

    async def disable(self, user: UserDocument, *, disabled: bool) -> None:
        """Forbid a user to sign in, or allow it again."""
        await self._update({"_id": user.id}, {"$set": {"disabled": disabled}})

    async def add_role(self, user: UserDocument, role: str) -> bool:
        """Add a role; False if there are MAX_ROLES, or something else than a list of texts."""
        query = {"_id": user.id, "$jsonSchema": {"properties": _TAKES_ROLE}}
        result = await self._update(query, {"$addToSet": {"roles": role}})
        return result.matched_count > 0

    async def remove_role(self, user: UserDocument, role: str) -> None:
        """Remove a role from a list that has it."""
        query = {"_id": user.id, "roles": {"$eq": role, "$type": "array"}}
        await self._update(query, {"$pull": {"roles": role}})

    async def delete(self, user: UserDocument) -> bool:
        """Delete a user; False if e-mail or password were changed since ``user`` was read."""
        with translate_driver_errors(writing=UserDocument):
            result = await UserDocument.get_pymongo_collection().delete_one(_unchanged(user))
        return result.deleted_count > 0

    async def upgrade_password(self, user: UserDocument, new_hash: str) -> None:
        """Replace the hash of ``user``, unless it was changed since.

        The old hash stays if a validator refuses the document of another program.
        """
        with translate_driver_errors(writing=UserDocument), suppress(WriteError):
            await UserDocument.find_one(
                UserDocument.id == user.id, UserDocument.password == user.password
            ).set({UserDocument.password: new_hash})

    async def _update(
        self,
        query: Mapping[str, Any],
        change: Mapping[str, Any],
        **options: Any,
    ) -> UpdateResult:
        users = UserDocument.get_pymongo_collection()
        with translate_driver_errors(writing=UserDocument):
            try:
                return await users.update_one(query, change, **options)
            except WriteError as error:
                raise self._translate(error) from None

    def _translate(self, error: WriteError) -> Exception:
        """Return EmailTaken, or BadInput if only fields of the application are refused.

        Otherwise the operator has created an index or a validator: return the error itself.
        """
        details = error.details or {}
        if "email" in (keys := details.get("keyPattern", ())):
            return EmailTaken()
        rules = details.get("errInfo", {}).get("details", {}).get("schemaRulesNotSatisfied", ())
        refused = [one for rule in rules for one in rule.get("propertiesNotSatisfied", ())]
        names = [*keys, *(one["propertyName"] for one in refused)]
        if not names or not self._added.issuperset(names):
            return error
        return _refuse(names, *(_TAKEN if keys else NOT_ALLOWED))

    async def _find(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Find users, except those with another id than an ObjectId, which tokens cannot name."""
        with translate_driver_errors():
            stored = await UserDocument.get_pymongo_collection().find(query, self._fields).to_list()
        return [values for values in stored if isinstance(values["_id"], ObjectId)]


def _refuse(names: Sequence[str], reason: FieldReason, message: str) -> BadInput:
    return BadInput([FieldError(to_camel(name), reason, message) for name in names])


def new_password(user: UserDocument, new_hash: str) -> dict[str, Any]:
    """Return what a change of the password stores."""
    return {"password": new_hash, "password_changes": user.password_changes + 1}


def query_emails(spellings: Sequence[str]) -> dict[str, Any]:
    """Return the query for these e-mails. The type lets it use a partial index on strings too."""
    return {"email": {"$in": spellings, "$type": "string"}}


def _unchanged(user: UserDocument) -> dict[str, Any]:
    """Return the query for a user whose e-mail and password are those of ``user``."""
    # Users of another program have no such field, or another one; see Count.
    is_ours = {"$eq": [{"$type": "$password_changes"}, "int"]}
    count = {"$cond": [is_ours, "$password_changes", 0]}
    # An e-mail that is empty here is not stored as a text.
    return {
        "_id": user.id,
        **({"email": user.email} if user.email else {}),
        "$expr": {"$eq": [count, user.password_changes]},
    }
