"""The one form of an e-mail address under which an account is kept and looked up."""

import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

# RFC 5321 section 4.5.3.1: 64 octets, the @, and 255 octets at most.
LONGEST_LOCAL_PART = 64
LONGEST_EMAIL = 320


class InvalidEmail(ValueError):
    """The text is not an e-mail address."""


def validated(text: str) -> str:
    """Return the canonical form of a well-formed address; nothing is asked of the DNS.

    Raises InvalidEmail.
    """
    address = _mapped(text)
    # Lower case can be longer, and then too long: an address is one in its canonical form too.
    return address if address.isascii() else _mapped(address)


def canonical(text: str) -> str:
    """Return the canonical form of what someone typed to log in.

    A text that is not an address is folded all the same, for the Node.js original registered
    people under any text at all. The canonical form of a canonical form is itself.
    """
    try:
        return validated(text)
    except InvalidEmail:
        folded = _folded(text)
    try:
        return validated(folded)
    except InvalidEmail:
        return folded


def spellings(address: str) -> list[str]:
    """Return the forms under which a canonical address may be stored, itself first.

    The Node.js original stored the Unicode form and the domain as they were typed, in lower case.
    For an ASCII address, that is for nearly all of them, there is one form only. Every form has
    this canonical address: so no account can be found, and guessed at, under two of them.
    """
    if address.isascii() and "xn--" not in address:
        return [address]
    local, at, domain = address.rpartition("@")
    names, hosts = _both_forms(local), [*_both_forms(domain), _ascii(domain)]
    forms = dict.fromkeys(f"{name}{at}{host}" for name in names for host in hosts)
    return [form for form in forms if canonical(form) == address]


def _mapped(text: str) -> str:
    try:
        # The test environment adds the domain .test, which RFC 2606 keeps for that.
        address = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidEmail from None
    local = _folded(address.local_part)
    if len(local.encode()) > LONGEST_LOCAL_PART:
        raise InvalidEmail
    return f"{local}@{address.domain}"


def _both_forms(text: str) -> list[str]:
    return [text, unicodedata.normalize("NFD", text)]


def _folded(text: str) -> str:
    # Lower case, not casefold, and NFC, not NFKC: those would make one person of a long s and an
    # s. Lowering can leave a letter and its mark apart that compose (J̌), hence the second NFC.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain).decode("ascii")
    except idna.IDNAError:
        return domain
