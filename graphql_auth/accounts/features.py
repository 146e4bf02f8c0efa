"""What this server offers, by its settings."""

from dataclasses import dataclass

from graphql_auth.errors import DescribedEnum, NotAvailable


class RegistrationMode(DescribedEnum):
    """How a new user gets an account. More values may come."""

    OPEN = "open", "By `register`, or by `signUp` if there is mail."
    CONFIRMED = "confirmed", "By `signUp`, with a confirmed e-mail address."
    CLOSED = "closed", "Not at all."


@dataclass(frozen=True, slots=True)
class Features:
    """The settings that clients see, and whether there is mail."""

    mail: bool
    registration: RegistrationMode
    sign_in_links: bool
    password_min_length: int

    def require(self, **conditions: bool) -> None:
        """Raise NotAvailable unless there is mail, and the condition of each setting holds."""
        for setting, is_met in {"SMTP_URL": self.mail, **conditions}.items():
            if not is_met:
                raise NotAvailable(setting)
