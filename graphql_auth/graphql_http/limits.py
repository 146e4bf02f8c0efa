"""Limits on a request, measured before it is validated, in time linear in its size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, Lexer, Source, Token, TokenKind
from graphql.language.parser import Parser
from strawberry.utils.str_converters import to_camel_case

from graphql_auth.errors import ApplicationError, ErrorCode
from graphql_auth.graphql_http.query_cost import QueryMetrics


class TooComplex(ApplicationError):
    """The document exceeds a limit; ``limit`` is the name of a field of Limits."""

    def __init__(self, limit: str, allowed: int) -> None:
        super().__init__(
            "The document exceeds a limit.",
            code=ErrorCode.QUERY_TOO_COMPLEX,
            limit=to_camel_case(limit),
            allowed=allowed,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """How complex a request may be; the defaults are generous to any client.

    tokens, directives: in the whole document.
    depth, aliases, fields, root_fields: of an operation, each fragment counted at each spread.
    comparisons: of fields, which validation makes (FieldsInSetCanMerge in the specification).
    variables: the characters and values in all of them.
    """

    tokens: int = 2_000
    directives: int = 50
    depth: int = 20
    aliases: int = 50
    root_fields: int = 20
    fields: int = 1_000
    comparisons: int = 10_000
    variables: int = 20_000

    def check_document(self, document: DocumentNode) -> None:
        """Raise TooComplex for the first limit that the document exceeds."""
        try:
            metrics = QueryMetrics(document)
            self._check("directives", metrics.directives)
            for operation in metrics.operations:
                size = metrics.size(operation.selection_set)
                for name in ("depth", "aliases", "root_fields", "fields"):
                    self._check(name, getattr(size, name))
            self._check("comparisons", metrics.field_comparisons(self.comparisons))
        except RecursionError:
            raise TooComplex("depth", self.depth) from None

    def check_variables(self, variables: Mapping[str, Any]) -> None:
        """Raise TooComplex when the values of the variables are too large or too many."""
        size = 0
        queue: list[Any] = [variables]
        while queue:
            value = queue.pop()
            size += 1
            if isinstance(value, str):
                size += len(value)
            elif isinstance(value, list):
                queue.extend(value)
            elif isinstance(value, dict):
                size += sum(map(len, value))
                queue.extend(value.values())
            self._check("variables", size)

    def _check(self, name: str, actual: int) -> None:
        allowed = getattr(self, name)
        if actual > allowed:
            raise TooComplex(name, allowed)


class _BoundedLexer(Lexer):
    """A lexer that reads a limited number of tokens, and as many comments."""

    def __init__(self, text: str, max_tokens: int) -> None:
        super().__init__(Source(text))
        self._limit = max_tokens
        self._tokens = self._comments = 0

    def read_next_token(self, start: int) -> Token:
        """Return the next token; raises TooComplex when there are too many."""
        token = super().read_next_token(start)
        self._comments += token.kind is TokenKind.COMMENT
        self._tokens += token.kind not in {TokenKind.COMMENT, TokenKind.EOF}
        if max(self._tokens, self._comments) > self._limit:
            raise TooComplex("tokens", self._limit)
        return token


def parse_within(limits: Limits, text: str) -> DocumentNode:
    """Parse a document within the limits on tokens and depth.

    Raises TooComplex, and GraphQLSyntaxError. graphql.parse() would report both limits as a
    GraphQLSyntaxError, which only its message tells from others.
    """
    lexer = _BoundedLexer(text, limits.tokens)
    try:
        return Parser(lexer.source, lexer=lexer, allow_empty_selection_sets=False).parse_document()
    except RecursionError:
        raise TooComplex("depth", limits.depth) from None
