"""The public names, imported when they are used, so that the command line starts fast (PEP 562)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphql_auth.accounts.inputs import RegisterInput, SignUpInput
    from graphql_auth.accounts.types import AuthPayload, User
    from graphql_auth.context import Context, Info
    from graphql_auth.errors import ApplicationError
    from graphql_auth.hooks import Event
    from graphql_auth.library import GraphQLAuth
    from graphql_auth.mail.mailer import Mailer, MailRefused
    from graphql_auth.permissions import HasRole, IsAuthenticated
    from graphql_auth.schema import Mutation, Query, Schema
    from graphql_auth.settings import Settings
    from graphql_auth.tokens.access_tokens import Principal
    from graphql_auth.users.document import UserDocument

__version__ = "0.5.0"
__all__ = [
    "ApplicationError",
    "AuthPayload",
    "Context",
    "Event",
    "GraphQLAuth",
    "HasRole",
    "Info",
    "IsAuthenticated",
    "MailRefused",
    "Mailer",
    "Mutation",
    "Principal",
    "Query",
    "RegisterInput",
    "Schema",
    "Settings",
    "SignUpInput",
    "User",
    "UserDocument",
]
__dir__ = __all__.copy

_MODULES = {
    "accounts.inputs": ("RegisterInput", "SignUpInput"),
    "accounts.types": ("AuthPayload", "User"),
    "context": ("Context", "Info"),
    "errors": ("ApplicationError",),
    "hooks": ("Event",),
    "library": ("GraphQLAuth",),
    "mail.mailer": ("MailRefused", "Mailer"),
    "permissions": ("HasRole", "IsAuthenticated"),
    "schema": ("Mutation", "Query", "Schema"),
    "settings": ("Settings",),
    "tokens.access_tokens": ("Principal",),
    "users.document": ("UserDocument",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
