"""The input of a new user, and the document that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql_auth.accounts.validation import InputValidator
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


@dataclass(frozen=True, slots=True)
class Registration:
    """The input of a new user."""

    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)
    # What an application adds to the document of a user.
    added: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def create_user(
    registration: Registration, users: UserRepository, policy: PasswordPolicy, now: float
) -> UserDocument:
    """Return a user that is not stored yet, without a password.

    Raises BadInput with every invalid field.
    """
    validator = InputValidator()
    values = {
        "first_name": validator.name("firstName", registration.first_name),
        "last_name": validator.name("lastName", registration.last_name),
        "email": validator.new_email("email", registration.email),
    }
    user_inputs = (registration.first_name, registration.last_name, registration.email)
    await validator.new_password("password", registration.password, policy, user_inputs)
    validator.finish()
    return users.create(registration.added, id=object_id_at(now), **values)
