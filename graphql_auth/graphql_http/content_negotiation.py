"""Media types: which one a client wants, and whether what it sends is JSON in UTF-8."""

from collections.abc import Iterator
from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

# RFC 9110 section 5.6.3: the only blanks around a value. str.strip() also removes A0 and 85.
WHITESPACE = " \t"

WILDCARDS = {"*/*", "application/*"}


@lru_cache(maxsize=128)
def wanted(accept: str) -> str | None:
    """Choose the media type of the answer, by the value of ``Accept`` (RFC 9110 section 12.5.1).

    The higher weight wins, and of the same weight the one that stands first. A client that names
    no preference gets application/json. None: the client takes nothing that we can send.
    """
    weights = dict(_ranges(accept))
    if not weights:
        return JSON
    for wildcard in WILDCARDS & weights.keys():
        weights.setdefault(JSON, weights[wildcard])
    acceptable = [media for media in weights if media in {JSON, GRAPHQL} and weights[media] > 0]
    return max(acceptable, key=weights.__getitem__, default=None)


@lru_cache(maxsize=128)
def is_json(content_type: str) -> bool:
    """Whether a ``Content-Type`` is JSON in UTF-8, the only encoding of JSON (RFC 8259)."""
    media, parameters = _parsed(content_type)
    return media == JSON and _is_utf_8(parameters)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for element in accept.split(","):
        if element.strip(WHITESPACE):
            media, parameters = _parsed(element)
            yield media, _weight(parameters.get("q", "1")) if _is_utf_8(parameters) else 0.0


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    media, *parameters = text.split(";")
    pairs = [parameter.partition("=") for parameter in parameters]
    return media.strip(WHITESPACE).lower(), {
        name.strip(WHITESPACE).lower(): value.strip(WHITESPACE).strip('"')
        for name, _, value in pairs
    }


def _is_utf_8(parameters: dict[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
