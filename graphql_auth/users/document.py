"""The document of a user."""

from datetime import UTC, datetime
from operator import not_
from typing import Annotated, Any, ClassVar, NoReturn, cast

from beanie import Document, PydanticObjectId
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from pymongo import ASCENDING, IndexModel

from graphql_auth.errors import FieldError, FieldReason
from graphql_auth.roles import MAX_ROLES, is_role

# Other programs store documents here too, so a field can be missing or have any value.
Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]
# We store 32-bit integers only, which are the ones that the driver returns as int.
Count = Annotated[int, BeforeValidator(lambda value: value if type(value) is int else 0)]
# What mongoose casts to false, and what is empty; anything else disables (fail closed).
Flag = Annotated[
    bool, BeforeValidator(lambda value: bool(value) and value not in ("false", "0", "no"))
]

Moment = Annotated[
    datetime | None, BeforeValidator(lambda value: value if isinstance(value, datetime) else None)
]


def _read_roles(value: object) -> list[str]:
    """Return the roles of a list of texts; access tokens can contain so many of such names."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        return []
    return sorted(set(filter(is_role, value)))[:MAX_ROLES]


# Registration gives this index as a hint, so that it fails without the index.
EMAIL_INDEX = "email_1"
NOT_ALLOWED = FieldReason.WRONG_TYPE, "This value is not allowed."


class UserDocument(Document):
    """A user, with the field names of the Node.js original.

    Other fields of a stored document (mongoose's ``__v``, the original's ``token``) are kept: a
    user is changed by ``$set`` only, never replaced.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId | None = None
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    password: Text = Field("", repr=False)
    # How often the password was changed; sessions of an earlier password are revoked.
    password_changes: Count = 0
    disabled: Flag = False
    # When its owner proved to read the mail of this e-mail; not stored before that.
    email_confirmed_at: Moment = None
    # Not stored without roles, so that the document of a user remains as other programs expect it.
    roles: Annotated[list[str], BeforeValidator(_read_roles)] = Field([], exclude_if=not_)

    class Settings:
        """The names are those of mongoose."""

        name = "users"
        indexes: ClassVar = [IndexModel([("email", ASCENDING)], name=EMAIL_INDEX, unique=True)]
        # Two users of one name.
        probes: ClassVar = [
            {
                "_id": PydanticObjectId(),
                "first_name": "Ada",
                "last_name": "Lovelace",
                "email": f"{salt}@example.com",
                "password": f"$bcrypt-sha256$v=2,t=2b,r=12${salt * 22}${salt * 31}",
                "password_changes": 0,
                "disabled": False,
                "email_confirmed_at": datetime(2000, 1, 1, tzinfo=UTC),
            }
            for salt in "ab"
        ]

    async def save(self, *_: Any, **__: Any) -> NoReturn:
        """Raise TypeError: all fields would be written, also an old password and old roles."""
        raise TypeError(
            "save() and replace() would undo changes that were made meanwhile, such as of the"
            f" password. Set single fields: await user.set({{{type(self).__name__}.field: value}})"
        )

    replace = save

    @property
    def created_at(self) -> datetime:
        """When the user registered, to the second; the id contains it."""
        return cast("PydanticObjectId", self.id).generation_time


def explain_refusal(error: ErrorDetails) -> FieldError:
    """Return why the document refuses a value, without the value."""
    name, *inner = error["loc"] or ("input",)
    match error:
        case {"type": "string_too_short", "ctx": {"min_length": limit}} if not inner:
            details = FieldReason.TOO_SHORT, f"Use at least {limit} characters.", limit
        case {"type": "string_too_long", "ctx": {"max_length": limit}} if not inner:
            details = FieldReason.TOO_LONG, f"Use at most {limit} characters.", limit
        case _:
            details = *NOT_ALLOWED, None
    return FieldError(to_camel(str(name)), *details)


def describe_refusal(document: type[UserDocument], error: Exception) -> str:
    """Name the fields that ``document`` refuses, without their values."""
    faults = {document.__name__: type(error).__name__}
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = {str([*one["loc"], document.__name__][0]): one["type"] for one in found}
    fields = ", ".join(f"{name} ({fault})" for name, fault in faults.items())
    return f"{document.__name__} refuses {fields}"


def stored_fields(document: type[UserDocument]) -> list[str]:
    """Return the fields of a document, not those of Beanie, whose values can be invalid."""
    fields = document.model_fields.items()
    return [it.alias or name for name, it in fields if name not in {"id", "revision_id"}]
