"""Messages from templates: a text, and from it an HTML page, with the same words and one link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphql_auth.logs import escape_invisible
from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mail.mailer import MailRefused
from graphql_auth.users import emails

if TYPE_CHECKING:
    from email.headerregistry import Address

    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
# Of all mails, or of those by one template.
LAYOUT = "layout.html"
MINUTES_PER_HOUR = 60


class Template(StrEnum):
    """A mail, by the name of its file."""

    SIGN_UP = "sign_up"
    SIGN_UP_TAKEN = "sign_up_taken"
    CONFIRM_EMAIL = "confirm_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a file
    CHANGE_EMAIL = "change_email"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a file
    SIGN_IN_LINK = "sign_in_link"
    NEW_DEVICE = "new_device"
    REFRESH_REUSED = "refresh_reused"


# What the link has behind APP_URL#.
FRAGMENTS: Mapping[str, str] = {
    Template.SIGN_UP: "sign-up",
    Template.CONFIRM_EMAIL: "confirm",
    Template.RESET_PASSWORD: "reset",
    Template.CHANGE_EMAIL: "email",
    Template.SIGN_IN_LINK: "sign-in",
}
# What only some templates can show.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FRAGMENTS, ("link", "valid_for")),
    Template.EMAIL_CHANGE_REQUESTED: ("new_email",),
    Template.EMAIL_CHANGED: ("new_email",),
    Template.NEW_DEVICE: ("ip_address",),
}


def link_url(app_url: str, template: str, token: str) -> str:
    """Return the link of a mail. No server is sent what is behind the #."""
    return f"{app_url}#{FRAGMENTS[template]}={token}"


@dataclass(eq=False, repr=False)
class Messages:
    """Builds messages from the e-mail ``sender`` with a name, with links to ``app_url`` alone.

    A file in ``directory`` replaces the one of the same name. The templates are loaded at the first
    message: a server that sends none needs neither the memory nor the time.
    """

    name: str
    sender: str
    app_url: str
    directory: Path | None

    def build(self, mail: OutboxDocument, token: str | None, now: datetime) -> EmailMessage:
        """Return the message; raises MailRefused for a recipient that is no e-mail address.

        ``token`` is that of the link.
        """
        from email.policy import SMTP, SMTPUTF8  # noqa: PLC0415

        sender = _address(self.sender, self.name)
        try:
            # The Node.js original stored any text.
            recipient = _address(emails.validate(mail.to or ""))
        except emails.InvalidEmail:
            raise MailRefused("the user has no valid e-mail address") from None
        subject, text, html = self.render(mail.template, self._values(mail, token, now))
        # SMTP would encode a local part as RFC 2047 does names, which is no e-mail address.
        is_ascii = sender.addr_spec.isascii() and recipient.addr_spec.isascii()
        message = EmailMessage(SMTP if is_ascii else SMTPUTF8)
        message["From"] = sender
        message["To"] = recipient
        message["Subject"] = subject
        message["Date"] = now
        # The same for each try, so that a mailbox can drop a copy.
        message["Message-ID"] = f"<{mail.id}@{sender.domain}>"
        # RFC 3834, and the same for Exchange: no out-of-office reply.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message

    def render(self, template: str, values: Mapping[str, object]) -> tuple[str, str, str]:
        """Return the subject, the text and the HTML page."""
        values = {"template": template, **values}
        text = self.environment.get_template(f"{template}.txt").render(values).strip()
        head, _, text = text.partition("\n")
        subject = head.partition("Subject:")[2].strip()
        paragraphs = re.split(r"\n\s*\n", text.strip())
        page = self.environment.select_template([f"{template}.html", LAYOUT])
        html = page.render(values, subject=subject, paragraphs=paragraphs)
        return subject, text.strip() + "\n", html

    @cached_property
    def environment(self) -> "jinja2.Environment":
        """The templates; a variable without a value is an error."""
        import jinja2  # noqa: PLC0415

        folders = [TEMPLATES] if self.directory is None else [self.directory, TEMPLATES]
        return jinja2.Environment(
            loader=jinja2.FileSystemLoader(folders),
            autoescape=jinja2.select_autoescape(),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            # A file that changes while the server runs has not been checked.
            auto_reload=False,
        )

    def _values(
        self, mail: OutboxDocument, token: str | None, now: datetime
    ) -> Mapping[str, object]:
        values: dict[str, object] = {
            "app": urlsplit(self.app_url).hostname,
            "app_url": self.app_url,
            "time": f"{mail.id.generation_time:%Y-%m-%d %H:%M} UTC",
            # On one line, so that a value begins no paragraph, and visible.
            **{
                name: escape_invisible(" ".join(text.split())) for name, text in mail.values.items()
            },
        }
        if token is not None:
            values["valid_for"] = _format_duration(mail.expires_at - now)
            values["link"] = link_url(self.app_url, mail.template, token)
        return values


def _format_duration(duration: timedelta) -> str:
    minutes = round(duration.total_seconds() / 60)
    count, unit = minutes, "minute"
    if minutes > MINUTES_PER_HOUR:
        count, unit = round(minutes / MINUTES_PER_HOUR), "hour"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _address(email: str, name: str = "") -> "Address":
    from email.headerregistry import Address  # noqa: PLC0415

    local, _, domain = email.rpartition("@")
    # Without a name, pydantic takes the local part for it.
    return Address("" if name == local else name, local, emails.encode_domain(domain))
