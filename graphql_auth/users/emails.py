"""Validation of e-mail addresses, and the canonical form that identifies an account."""

import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

# RFC 5321 section 4.5.3.1: 64 octets, the @, and 255 octets.
MAX_LOCAL_PART_BYTES = 64
MAX_EMAIL_LENGTH = 320


class InvalidEmail(ValueError):
    """The text is not an e-mail address."""


def validate(text: str) -> str:
    """Return the canonical form of an e-mail address, without a DNS lookup; raises InvalidEmail."""
    email = _normalize(text)
    # Lower case can be longer, so the canonical form is validated too.
    return email if email.isascii() else _normalize(email)


def canonicalize(text: str) -> str:
    """Return the canonical form of the input of a login form. The function is idempotent.

    A text that is not an e-mail address is only folded: the Node.js original stored any text.
    """
    try:
        return validate(text)
    except InvalidEmail:
        folded = _fold(text)
    try:
        return validate(folded)
    except InvalidEmail:
        return folded


def spellings(email: str) -> list[str]:
    """Return the forms in which a canonical e-mail can be stored, itself first.

    The Node.js original stored Unicode and domains as they were typed, in lower case. An ASCII
    e-mail has one form. All forms have the same canonical form, so that no account is found under
    two canonical e-mails, and nobody gets two budgets to guess its password.
    """
    if email.isascii() and "xn--" not in email:
        return [email]
    local, at, domain = email.rpartition("@")
    names, hosts = _unicode_forms(local), [*_unicode_forms(domain), encode_domain(domain)]
    forms = dict.fromkeys(f"{name}{at}{host}" for name in names for host in hosts)
    return [form for form in forms if canonicalize(form) == email]


def _normalize(text: str) -> str:
    try:
        # test_environment allows the domain .test, which RFC 2606 reserves.
        email = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidEmail from None
    local = _fold(email.local_part)
    if len(local.encode()) > MAX_LOCAL_PART_BYTES:
        raise InvalidEmail
    return f"{local}@{email.domain}"


def _unicode_forms(text: str) -> list[str]:
    return [text, unicodedata.normalize("NFD", text)]


def _fold(text: str) -> str:
    # Neither casefold nor NFKC: they map a long s (U+017F) to an s, which would merge two accounts.
    # The second NFC: lower() can leave a letter and a mark that compose (J̌).
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def encode_domain(domain: str) -> str:
    """Return a domain in punycode if it has one."""
    try:
        return idna.encode(domain).decode("ascii")
    except idna.IDNAError:
        return domain
