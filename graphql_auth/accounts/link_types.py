"""The GraphQL types of links in mails, of the profile, and of what the server offers."""

from typing import Any

import strawberry

from graphql_auth.accounts.types import (
    NAME_CHARACTERS,
    PASSWORD_CHARACTERS,
    User,
    device_token,
    secret,
    use_cookie,
)
from graphql_auth.codes import RegistrationMode


@strawberry.type(description="What this server offers, by its settings.")
class Features:
    mail: bool = strawberry.field(description="Whether the server sends mail.")
    registration: Any = strawberry.field(
        graphql_type=RegistrationMode, description="How a new user gets an account."
    )
    sign_in_links: bool = strawberry.field(description="Whether `requestSignInLink` works.")
    password_min_length: int = strawberry.field(
        description="The minimum length of a new password, in characters."
    )


# The bases of several types; the schema does not have them.
@strawberry.type
class EmailPayload:
    email: str = strawberry.field(
        description="The e-mail address as it was typed. Nothing tells whether it has an account."
    )


@strawberry.type
class LinkPayload:
    user: User | None = strawberry.field(
        description="The changed user; null unless the user is signed in."
    )


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


@strawberry.type(description="The result of a request to sign up.")
class SignUpPayload(EmailPayload): ...


@strawberry.input(description="The link of a sign-up, and its password.")
class ConfirmSignUpInput(SignInInput):
    password: str = secret(
        "The password of the sign-up: so that nobody completes that of a stranger by a click."
    )


@strawberry.type(description="The result of a request to confirm the e-mail address.")
class RequestEmailConfirmationPayload:
    email: str = strawberry.field(description="The e-mail address of the user.")


@strawberry.input(description="The link that confirms an e-mail address.")
class ConfirmEmailInput(ProvenLinkInput): ...


@strawberry.type(description="The result of a confirmation.")
class ConfirmEmailPayload(LinkPayload): ...


@strawberry.input(description="Whose password was forgotten.")
class RequestPasswordResetInput(EmailInput): ...


@strawberry.type(description="The result of a request to reset a password.")
class RequestPasswordResetPayload(EmailPayload): ...


@strawberry.input(description="The link of a reset, and the new password.")
class ResetPasswordInput(SignInInput):
    new_password: str = secret(PASSWORD_CHARACTERS)


@strawberry.input(description="The new e-mail address, and the current password.")
class ChangeEmailInput:
    new_email: str = strawberry.field(description="The new e-mail address, to which a link goes.")
    current_password: str = secret("The current password.")


@strawberry.type(description="The result of a request to change the e-mail address.")
class ChangeEmailPayload(EmailPayload): ...


@strawberry.input(description="The link that completes a change of the e-mail address.")
class ConfirmEmailChangeInput(ProvenLinkInput): ...


@strawberry.type(description="The result of a change of the e-mail address.")
class ConfirmEmailChangePayload(LinkPayload): ...


@strawberry.input(description="Who wants to sign in by a link.")
class RequestSignInLinkInput(EmailInput): ...


@strawberry.type(description="The result of a request for a link to sign in.")
class RequestSignInLinkPayload(EmailPayload): ...


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


@strawberry.type(description="The result of a change of the profile.")
class UpdateProfilePayload:
    user: User = strawberry.field(description="The changed user.")


@strawberry.input(description="The password of the account to delete.")
class DeleteAccountInput:
    current_password: str = secret("The current password.")


@strawberry.type(description="The result of a deletion.")
class DeleteAccountPayload:
    deleted_user_id: strawberry.ID = strawberry.field(
        description="The `id` that the user had, to remove it from a cache."
    )
