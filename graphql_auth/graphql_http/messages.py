"""The messages of graphql-core and Strawberry that a client may read, without the values in them.

A literal in a document can be a password, and some messages repeat it. So only listed messages
pass; a new or reworded one is replaced.
"""

import re

from graphql import TokenKind

UNREADABLE = "Syntax Error: this cannot be read as GraphQL."
INVALID = "The document does not fit the schema."

# A value can follow. %k is a kind of token, %e also a keyword. The longer of two comes first.
_SYNTAX = """
Document contains more than %s tokens
Expected %e, found %k
Invalid Unicode escape sequence
Invalid character escape sequence
Invalid character within String
Invalid character
Invalid number, expected digit
Invalid number, unexpected digit after 0
Unexpected %k
Unexpected '..', did you mean '...'?
Unexpected character
Unexpected description
Unexpected single quote character ('), did you mean to use a double quote (")?
Unexpected variable
Unterminated string
"""
# %s is one or more names of the schema or the document.
_COMPLETE = """
%s aliases found. Allowed: %s
'%s' exceeds maximum operation depth of %s
Argument '%s' of type '%s' is required, but it was not provided.
Argument '%s' has invalid value%p: Expected variable '%s' provided to non-null type '%s' not to be None.
Argument '%s' has invalid value%p: Expected variable '%s' provided to type '%s' to provide a runtime value.
Cannot query field '%s' on type '%s'.
Cannot spread fragment '%s' within itself via '%s'.
Cannot spread fragment '%s' within itself.
Directive '%s' may not be used on %s.
Expected value of non-null type '%s' not to be None.
Field '%s' must not have a selection since type '%s' has no subfields.
Field '%s' of type '%s' must have a selection of subfields. Did you mean '%s { ... }'?
Field '%s' of type '%s' must have a selection of subfields.
Fields '%s' conflict because %r. Use different aliases on the fields to fetch both if this was intentional.
Fragment '%s' cannot be spread here as objects of type '%s' can never be of type '%s'.
Fragment '%s' cannot condition on non composite type '%s'.
Fragment '%s' is never used.
Fragment cannot be spread here as objects of type '%s' can never be of type '%s'.
Fragment cannot condition on non composite type '%s'.
GraphQL introspection has been disabled, but the requested query contained the field '%s'.
The '%s' definition is not executable.
The directive '%s' can only be used once at this location.
The schema definition is not executable.
The subscription operation is not supported by the schema.
There can be only one argument named '%s'.
There can be only one fragment named '%s'.
There can be only one input field named '%s'.
There can be only one operation named '%s'.
There can be only one variable named '%s'.
This anonymous operation must be the only defined operation.
Too many validation errors, error limit reached. Validation aborted.
Unknown argument '%s' on directive '%s'.
Unknown argument '%s' on field '%s'.
Unknown directive '%s'.
Unknown fragment '%s'.
Unknown type '%s'.
Variable '%s' cannot be non-input type '%s'.
Variable '%s' is never used in operation '%s'.
Variable '%s' is never used.
Variable '%s' is not defined by operation '%s'.
Variable '%s' is not defined.
Variable '%s' is of type '%s' but must be non-nullable to be used for OneOf Input Object '%s'.
Variable '%s' of type '%s' used in position expecting type '%s'.
Within OneOf Input Object type '%s', exactly one field must be specified, and the value for that field must be non-null.
"""
# The value follows these.
_BEFORE_VALUE = """
Boolean cannot represent a non boolean value
Expected value of type '%s'
Expected value of type '%s' not to include unknown field '%s'
Expected value of type '%s' to be an object
Expected value of type '%s' to include required field '%s'
Float cannot represent non numeric value
ID cannot represent a non-string and non-integer value
Int cannot represent non 32-bit signed integer value
Int cannot represent non-integer value
String cannot represent a non string value
Value cannot represent a GlobalID
"""
_NAMES = r"[\w$@.:()\[\]!]+(?:', '[\w$@.:()\[\]!]+)*"
_KINDS = "|".join(re.escape(kind) for one in TokenKind for kind in (f"'{one.value}'", one.value))
_PARTS = {
    "%e": f"(?:{_KINDS}|'(?:on|fragment|schema|directive)')",
    "%k": f"(?:{_KINDS})",
    "%s": _NAMES,
    "%p": r"(?: at [\w.'\[\]]+)?",
    "%r": (
        r"(?:subfields '\w+' conflict because | and |they have differing arguments"
        r"|'\w+' and '\w+' are different fields"
        r"|they return conflicting types '[\w\[\]!]+' and '[\w\[\]!]+')+"
    ),
}
_SUGGESTION = r" Did you mean (?:to use an inline fragment on )?'\w+'(?:,? (?:or )?'\w+')*\?"


def _any_of(templates: str) -> str:
    pattern = "|".join(map(re.escape, templates.strip().splitlines()))
    for part, meaning in _PARTS.items():
        pattern = pattern.replace(part, meaning)
    return f"(?:{pattern})"


_SYNTAX_ERROR = re.compile(f"(Syntax Error: {_any_of(_SYNTAX)}).*", re.DOTALL)
_HARMLESS = re.compile(f"{_any_of(_COMPLETE)}(?:{_SUGGESTION})?", re.ASCII)
_WITH_VALUE = re.compile(
    f"(?P<message>{_any_of(_BEFORE_VALUE)})"
    rf"(?:(?P<suggestion>\.{_SUGGESTION}) Found:|, found:|, but encountered error|:) .*",
    re.ASCII | re.DOTALL,
)


def syntax_message(message: str) -> str:
    """Reduce a syntax error to the kinds of tokens that were expected and found."""
    listed = _SYNTAX_ERROR.fullmatch(message)
    sentence = listed[1] if listed else UNREADABLE
    return sentence if sentence[-1] in ".?" else f"{sentence}."


def validation_message(message: str) -> str:
    """Return a listed message, without the value that was found."""
    if _HARMLESS.fullmatch(message):
        return message
    found = _WITH_VALUE.fullmatch(message)
    return f"{found['message']}{found['suggestion'] or '.'}" if found else INVALID
