"""The users collection: find, add, and change one field at a time."""

from collections.abc import Sequence

from beanie import PydanticObjectId
from beanie.operators import In
from pymongo.errors import DuplicateKeyError

from graphql_auth.errors import EmailTaken
from graphql_auth.storage.documents import User
from graphql_auth.storage.mongo import outages_translated


class Users:
    """Every method raises Unavailable when the database does not do its work."""

    async def with_email(self, spellings: Sequence[str]) -> User | None:
        """Find the user whose address is stored as one of ``spellings``, the earlier the better."""
        with outages_translated():
            found = {user.email: user async for user in User.find(In(User.email, spellings))}
        return next((found[email] for email in spellings if email in found), None)

    async def with_id(self, user_id: str) -> User | None:
        """Find the user with this id, 24 hexadecimal digits."""
        with outages_translated():
            return await User.get(PydanticObjectId(user_id))

    async def add(self, user: User) -> User:
        """Store a new user; the unique index decides between those who come at once.

        Raises EmailTaken when the address belongs to a user already.
        """
        with outages_translated():
            try:
                return await user.insert()
            except DuplicateKeyError:
                raise EmailTaken from None

    async def upgrade_password(self, user: User, new_hash: str) -> None:
        """Replace the hash that ``user`` was read with, unless it was changed in between."""
        with outages_translated():
            await User.find_one(User.id == user.id, User.password == user.password).set(
                {User.password: new_hash}
            )
