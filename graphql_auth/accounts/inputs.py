"""The GraphQL inputs of the mutations of accounts."""

import dataclasses
from typing import Any

import strawberry
from strawberry.types import get_object_definition

from graphql_auth.accounts.types import secret
from graphql_auth.accounts.validation import Registration

NAME_CHARACTERS = (
    "At most 200 characters, at least one of them visible. Control characters, bidirectional"
    " controls and other invisible characters are refused, except joiners and variation selectors."
)
PASSWORD_CHARACTERS = "At most 1,024 characters of any kind; all of them count."  # noqa: S105


def use_cookie() -> Any:
    """Declare the field that asks for cookies."""
    return strawberry.field(
        default=False,
        description="In browsers: set refresh and device token as cookies that no script can read.",
    )


def device_token() -> Any:
    """Declare the field by which a known device has separate limits."""
    return secret(
        "The `deviceToken` of an earlier sign-in on this device, unless it is in a cookie.",
        default=strawberry.UNSET,
    )


def _as_plain(value: Any) -> Any:
    """Return a dict for an input, also in lists and inputs, without fields that are UNSET."""
    if isinstance(value, list):
        return list(map(_as_plain, value))
    if not get_object_definition(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: _as_plain(each) for name, each in fields.items() if each is not strawberry.UNSET}


@strawberry.input(description="A new account, which exists when the e-mail address is confirmed.")
class SignUpInput:
    first_name: str = strawberry.field(description=f"The given name. {NAME_CHARACTERS}")
    last_name: str = strawberry.field(description=f"The family name. {NAME_CHARACTERS}")
    email: str = strawberry.field(
        description=(
            "The e-mail address to log in with: at most 64 bytes before the @, no invisible"
            " characters."
        )
    )
    password: str = secret(PASSWORD_CHARACTERS)

    def to_registration(self) -> Registration:
        """Return the values for the service, with those of the fields that a subclass adds."""
        given = _as_plain(self)
        added = {name: given[name] for name in given.keys() - RegisterInput.__dataclass_fields__}
        return Registration(self.first_name, self.last_name, self.email, self.password, added)


@strawberry.input(description="A new account.")
class RegisterInput(SignUpInput):
    use_cookie: bool | None = use_cookie()


@strawberry.input(description="E-mail address and password of a user.")
class LoginInput:
    email: str = strawberry.field(description="The e-mail address; case does not matter.")
    password: str = secret("The password, exactly as it was registered.")
    device_token: str | None = device_token()
    use_cookie: bool | None = use_cookie()


@strawberry.input(description="The session to continue.")
class RefreshTokenInput:
    refresh_token: str = secret("The refresh token that was issued last.")


@strawberry.input(description="The current password and the new one.")
class ChangePasswordInput:
    current_password: str = secret("The current password.")
    new_password: str = secret(PASSWORD_CHARACTERS)


@strawberry.input
class EmailInput:
    email: str = strawberry.field(description="The e-mail address; case does not matter.")
    device_token: str | None = device_token()


@strawberry.input
class LinkInput:
    token: str = secret("The token of the link in the mail: what is after the `=`.")


@strawberry.input
class SignInInput(LinkInput):
    device_token: str | None = device_token()
    use_cookie: bool | None = use_cookie()


@strawberry.input
class ProvenLinkInput(LinkInput):
    password: str | None = secret(
        "The password of the account, unless its user is signed in: so that nobody confirms the"
        " account of a stranger by a click.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="The link of a sign-up, and its password.")
class ConfirmSignUpInput(SignInInput):
    password: str = secret(
        "The password of the sign-up: so that nobody completes that of a stranger by a click."
    )


@strawberry.input(description="The link that confirms an e-mail address.")
class ConfirmEmailInput(ProvenLinkInput): ...


@strawberry.input(description="Whose password was forgotten.")
class RequestPasswordResetInput(EmailInput): ...


@strawberry.input(description="The link of a reset, and the new password.")
class ResetPasswordInput(SignInInput):
    new_password: str = secret(PASSWORD_CHARACTERS)


@strawberry.input(description="The new e-mail address, and the current password.")
class ChangeEmailInput:
    new_email: str = strawberry.field(description="The new e-mail address, to which a link goes.")
    current_password: str = secret("The current password.")


@strawberry.input(description="The link that completes a change of the e-mail address.")
class ConfirmEmailChangeInput(ProvenLinkInput): ...


@strawberry.input(description="Who wants to sign in by a link.")
class RequestSignInLinkInput(EmailInput): ...


@strawberry.input(description="The link to sign in by.")
class SignInWithLinkInput(SignInInput): ...


@strawberry.input(description="The names to change; the others stay.")
class UpdateProfileInput:
    first_name: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"The given name. {NAME_CHARACTERS}"
    )
    last_name: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"The family name. {NAME_CHARACTERS}"
    )


@strawberry.input(description="The password of the account to delete.")
class DeleteAccountInput:
    current_password: str = secret("The current password.")
