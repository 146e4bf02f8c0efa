"""Limits on a request, measured before it is validated, in time linear in its size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, Lexer, Source, Token, TokenKind
from graphql.language.parser import Parser

from graphql_auth.errors import ApplicationError
from graphql_auth.graphql_http.query_cost import Measured


class TooComplex(ApplicationError):
    """A limit is passed: its name, and how much of it is allowed."""

    def __init__(self, limit: str, allowed: int) -> None:
        super().__init__(f"{limit} > {allowed}")
        self.limit = limit
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything one request may ask for; the defaults are generous to any client.

    tokens, directives: in the whole document. depth: of fields in fields. aliases, fields,
    root_fields: of an operation, after its fragments are put in place, as often as they stand.
    comparisons: of fields in the whole document, which validation has to do.
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
        """Raise TooComplex for the first limit that the document passes."""
        try:
            measured = Measured(document)
            self._check("directives", measured.directives)
            for operation in measured.operations:
                size = measured.size(operation.selection_set)
                for name in ("depth", "aliases", "root_fields", "fields"):
                    self._check(name, getattr(size, name))
            self._check("comparisons", measured.comparisons(self.comparisons))
        except RecursionError:
            raise TooComplex("depth", self.depth) from None

    def check_variables(self, variables: Mapping[str, Any]) -> None:
        """Raise TooComplex when the values of the variables are too large, or too many."""
        size = 0
        waiting: list[Any] = [variables]
        while waiting:
            value = waiting.pop()
            size += 1
            if isinstance(value, str):
                size += len(value)
            elif isinstance(value, list):
                waiting.extend(value)
            elif isinstance(value, dict):
                size += sum(map(len, value))
                waiting.extend(value.values())
            self._check("variables", size)

    def _check(self, name: str, measured: int) -> None:
        allowed = getattr(self, name)
        if measured > allowed:
            raise TooComplex(name, allowed)


class _BoundedLexer(Lexer):
    """A lexer that reads a limited number of tokens, and as many comments."""

    def __init__(self, text: str, most: int) -> None:
        super().__init__(Source(text))
        self._most = most
        self._tokens = self._comments = 0

    def read_next_token(self, start: int) -> Token:
        """Raise TooComplex for a token or a comment too many."""
        token = super().read_next_token(start)
        self._comments += token.kind is TokenKind.COMMENT
        self._tokens += token.kind not in {TokenKind.COMMENT, TokenKind.EOF}
        if max(self._tokens, self._comments) > self._most:
            raise TooComplex("tokens", self._most)
        return token


def parse_within(limits: Limits, text: str) -> DocumentNode:
    """Parse a document that is not too long and not too deep.

    Raises TooComplex, and GraphQLSyntaxError. graphql.parse() would report both limits as a
    GraphQLSyntaxError, which only its message tells from others.
    """
    lexer = _BoundedLexer(text, limits.tokens)
    try:
        return Parser(lexer.source, lexer=lexer, allow_empty_selection_sets=False).parse_document()
    except RecursionError:
        raise TooComplex("depth", limits.depth) from None
