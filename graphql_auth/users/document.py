"""The document of a user."""

from datetime import datetime
from typing import Annotated, ClassVar, cast

from beanie import Document, PydanticObjectId
from pydantic import BeforeValidator, ConfigDict, Field
from pymongo import ASCENDING, IndexModel

# Documents of the Node.js original may lack a field or hold null in it.
Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]
Count = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]

# Registration names this index in a hint, so that it fails where the index is missing.
EMAIL_INDEX = "email_1"


class UserDocument(Document):
    """A person who can sign in, with the field names of the Node.js original.

    What else a document holds (mongoose's ``__v``, the original's ``token``) is left alone: a
    stored user is changed by ``$set`` only, never replaced.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId | None = None
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    password: Text = Field("", repr=False)
    # How often the password was changed: a sign-in with an earlier one is over.
    password_changes: Count = 0
    disabled: Flag = False

    class Settings:
        """The collection and its indexes, by the names that mongoose gave them."""

        name = "users"
        indexes: ClassVar = [IndexModel([("email", ASCENDING)], name=EMAIL_INDEX, unique=True)]

    @property
    def created_at(self) -> datetime:
        """When the user registered, to the second: the id of a stored document carries it."""
        return cast("PydanticObjectId", self.id).generation_time
