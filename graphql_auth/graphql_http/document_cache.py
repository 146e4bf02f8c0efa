"""A cache of GraphQL documents that were checked against the limits, parsed and validated."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    get_named_type,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from graphql_auth.graphql_http.limits import Limits, parse_within
from graphql_auth.graphql_http.query_cost import TooComplex

# In characters of documents. A parsed one takes up to 180 bytes a character, so 18 MB at most.
CACHE_SIZE = 100_000
# The overhead of one entry, above all of its errors, in characters.
ENTRY_OVERHEAD = 250
MAX_ERRORS = 20
EMPTY_DOCUMENT = DocumentNode(definitions=())


class NoIntrospectionRule(NoSchemaIntrospectionCustomRule):
    """Also refuses `_service` of Apollo Federation, whose `sdl` is the whole schema."""

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        super().enter_field(node)
        type_ = get_named_type(self.context.get_type())
        if type_ and type_.name == "_Service":
            message = (
                "GraphQL introspection has been disabled, but the requested query contained the"
                f" field '{node.name.value}'."
            )
            self.report_error(GraphQLError(message, node))


RULES = (*specified_rules, MaybeNullValidationRule)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document; it may be executed if it has no errors."""

    node: DocumentNode
    errors: Sequence[GraphQLError] = ()


@dataclass(eq=False, repr=False)
class DocumentCache:
    """The documents of one schema: the least recently used ones are evicted.

    Without introspection, errors do not suggest names either.
    """

    schema: GraphQLSchema
    limits: Limits
    introspection: bool = True
    size: int = CACHE_SIZE

    def __post_init__(self) -> None:
        self._rules = RULES if self.introspection else (*RULES, NoIntrospectionRule)
        self._room = self.size
        self._entries: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """Return the document, checked against the limits, parsed and validated."""
        document = self._entries.get(text)
        if document is None:
            document = self._load(text)
            self._store(text, document)
        else:
            self._entries.move_to_end(text)
        return document

    def _load(self, text: str) -> Document:
        try:
            node = parse_within(self.limits, text)
            _unlink_tokens(node)
            self.limits.check_document(node)
        except TooComplex as error:
            _forget_stack(error)
            return Document(EMPTY_DOCUMENT, [GraphQLError("", original_error=error)])
        except GraphQLError as error:
            return _invalid([error])
        errors = validate(self.schema, node, self._rules, MAX_ERRORS, not self.introspection)
        return _invalid(errors) if errors else Document(node)

    def _store(self, text: str, document: Document) -> None:
        if _cost(text) > self.size:
            return
        self._entries[text] = document
        self._room -= _cost(text)
        while self._room < 0:
            evicted, _ = self._entries.popitem(last=False)
            self._room += _cost(evicted)


def _invalid(errors: Sequence[GraphQLError]) -> Document:
    # The cache keeps the errors without the document, which an error references by its nodes, its
    # cause, such as an error of a scalar, and its traceback. Its locations are computed.
    for error in errors:
        _forget_stack(error)
        error.nodes = error.source = error.original_error = error.cause = None
    return Document(EMPTY_DOCUMENT, errors)


def _forget_stack(error: Exception) -> None:
    error.with_traceback(None).__context__ = error.__cause__ = None


def _unlink_tokens(node: DocumentNode) -> None:
    """Break the doubly linked list of tokens that the parser leaves.

    It is a reference cycle, which only the garbage collector frees, with pauses of 100 ms.
    """
    token = node.loc.start_token if node.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


def _cost(text: str) -> int:
    return len(text) + ENTRY_OVERHEAD
