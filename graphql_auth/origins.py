"""Origins of pages and apps (RFC 6454), and what browsers decide by them."""

import re
from difflib import get_close_matches

from pydantic_core import Url

# After the scheme a host and a port, whose only punctuation in ASCII is - . : [ ] _
_ORIGIN = re.compile(
    r"(?!https?://\.)[a-z][a-z0-9+.-]*://(?!\.[^:]|.*\.\.)[^\x00-,/;-@\\^`{-\x7f]+", re.IGNORECASE
)
_LOCAL_HOST = re.compile(r"(.+\.)?localhost\.?|127\.[0-9.]+|\[::1\]")
_IPV4 = re.compile(r"[0-9.]+")
# An IP address, one label, or a name of the own machine or network (Kubernetes: cluster.local).
_PRIVATE_HOST = re.compile(r"[0-9.]+|[^.]+|.+\.(localhost|local|internal)\.?")


def parse_origin(text: str) -> Url | None:
    """Parse an origin as browsers do: in lower case and punycode, without the default port."""
    try:
        return Url(text.lower()) if _ORIGIN.fullmatch(text) else None
    except ValueError:
        return None


def normalize_origin(text: str) -> str:
    """Return the origin of a page or an app as browsers send it. Raises ValueError."""
    origin = parse_origin(text)
    # An app can have any scheme, except those of files and sockets, and a misspelled http.
    if origin is None or origin.scheme in {"file", "ftp", "ws", "wss"}:
        raise ValueError
    if get_close_matches(origin.scheme, ["http", "https"], 1, 0.7) not in ([], [origin.scheme]):
        raise ValueError
    return format_origin(origin)


def format_origin(origin: Url) -> str:
    return str(origin).rstrip("/")


def is_local(origin: Url | None) -> bool:
    """Whether a page of this origin comes from the browser's own machine, without HTTPS.

    Browsers trust it like HTTPS: https://w3c.github.io/webappsec-secure-contexts/#localhost.
    """
    if origin is None or origin.scheme != "http":
        return False
    return bool(_LOCAL_HOST.fullmatch(origin.host or ""))


class DevOrigins(frozenset[str]):
    """The allowed origins in development: those that are listed, and all local ones."""

    def __contains__(self, origin: object) -> bool:
        return super().__contains__(origin) or is_local(parse_origin(str(origin)))

    def __bool__(self) -> bool:
        return True


def site(origin: Url) -> str:
    """Return the IP address or the last two labels of the host.

    This is shorter than the site under a public suffix such as co.uk, so two sites can look alike.
    """
    host = origin.host or ""
    return host if _IPV4.fullmatch(host) else ".".join(host.split(".")[-2:])


def has_public_name(origin: Url) -> bool:
    """Whether the host can be one that browsers on other machines use."""
    return not _PRIVATE_HOST.fullmatch(origin.host or "")
