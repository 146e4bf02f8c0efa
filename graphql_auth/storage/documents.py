"""What is stored: Beanie documents."""

from datetime import datetime
from typing import Annotated, ClassVar, cast

from beanie import Document, PydanticObjectId
from pydantic import BeforeValidator, ConfigDict, Field
from pymongo import ASCENDING, IndexModel

# Documents of the Node.js original may lack a field or hold null in it.
Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]


class User(Document):
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

    class Settings:
        """The collection and its indexes, by the names that mongoose gave them."""

        name = "users"
        indexes: ClassVar = [IndexModel([("email", ASCENDING)], name="email_1", unique=True)]

    @property
    def created_at(self) -> datetime:
        """When the user registered, to the second: the id of a stored document carries it."""
        return cast("PydanticObjectId", self.id).generation_time
