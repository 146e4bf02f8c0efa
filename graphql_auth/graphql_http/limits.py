"""Limits on a request, checked before its validation, in time linear in its size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, Lexer, Source, Token, TokenKind
from graphql.language.parser import Parser

from graphql_auth.graphql_http.query_cost import QueryMetrics, TooComplex


@dataclass(frozen=True, slots=True)
class Limits:
    """How complex a request may be.

    tokens, directives: in the whole document.
    depth, aliases, fields, root_fields: of an operation, each fragment counted at each spread.
    field_merge_checks: comparisons of fields by the validation (FieldsInSetCanMerge).
    variables: the characters and values in all of them.
    """

    tokens: int = 2_000
    directives: int = 50
    depth: int = 20
    aliases: int = 50
    root_fields: int = 20
    fields: int = 1_000
    field_merge_checks: int = 10_000
    variables: int = 20_000

    def check_document(self, document: DocumentNode) -> None:
        """Raise TooComplex for the first limit that the document exceeds."""
        try:
            metrics = QueryMetrics(document)
            _check("directives", metrics.directives, self.directives)
            for operation in metrics.operations:
                size = metrics.size(operation.selection_set)
                _check("depth", size.depth, self.depth)
                _check("aliases", size.aliases, self.aliases)
                _check("rootFields", size.root_fields, self.root_fields)
                _check("fields", size.fields, self.fields)
            metrics.check_field_merges(self.field_merge_checks)
        except RecursionError:
            raise TooComplex("depth", self.depth) from None

    def check_variables(self, variables: Mapping[str, Any]) -> None:
        """Raise TooComplex when the values of the variables are too large or too many."""
        size = 0
        queue: list[Any] = [variables] if variables else []
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
            _check("variables", size, self.variables)


def _check(limit: str, actual: int, allowed: int) -> None:
    if actual > allowed:
        raise TooComplex(limit, allowed)


class _BoundedLexer(Lexer):
    """A lexer that reads a limited number of tokens, and as many comments."""

    def __init__(self, text: str, max_tokens: int) -> None:
        super().__init__(Source(text))
        self._limit = max_tokens
        self._tokens = self._comments = 0

    def read_next_token(self, start: int) -> Token:
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
