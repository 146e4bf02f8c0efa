"""GraphQL documents: limited, parsed and validated once, and remembered."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    specified_rules,
    validate,
)

from graphql_auth.errors import ApplicationError
from graphql_auth.graphql_http.limits import Limits, TooComplex, parse_within

# A parsed document takes up to 180 bytes a character, so that is 18 MB at the most.
CHARACTERS_REMEMBERED = 100_000
# What is remembered of the smallest document, above all of the errors in it, takes as much as so
# many characters of a large one.
CHARACTERS_FOR_EACH = 250
MOST_ERRORS = 20
WITHOUT_INTROSPECTION = (*specified_rules, NoSchemaIntrospectionCustomRule)
NOTHING = DocumentNode(definitions=())


class NoSuchOperation(ApplicationError):
    """The request does not say which operation of the document to execute."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read: to be executed if there are no errors in it."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to execute, by the rules of GetOperation in the specification.

        A document without errors holds one at least, and no two of the same name. Raises
        NoSuchOperation, whose message is for the client.
        """
        operations = [
            definition
            for definition in self.node.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        if name is not None:
            operations = [found for found in operations if found.name and found.name.value == name]
            if not operations:
                raise NoSuchOperation("`operationName` names no operation of the document.")
        if len(operations) > 1:
            raise NoSuchOperation("Say by `operationName` which of the operations to execute.")
        return operations[0]


class Documents:
    """Reads documents for one schema, and remembers those that were asked for last.

    Without introspection, errors suggest no names either, for those tell of the schema too.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        introspection: bool = True,
        room: int = CHARACTERS_REMEMBERED,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = specified_rules if introspection else WITHOUT_INTROSPECTION
        self._hide_suggestions = not introspection
        self._most = room
        self._room = room
        self._remembered: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """Return the document, held against the limits, parsed and validated."""
        document = self._remembered.get(text)
        if document is None:
            document = self._read(text)
            self._remember(text, document)
        else:
            self._remembered.move_to_end(text)
        return document

    def _read(self, text: str) -> Document:
        try:
            node = parse_within(self._limits, text)
            _unlink_tokens(node)
            self._limits.check_document(node)
        except TooComplex as error:
            return _refused(GraphQLError("", original_error=error))
        except GraphQLError as error:
            return _refused(error)
        errors = validate(self._schema, node, self._rules, MOST_ERRORS, self._hide_suggestions)
        return _refused(*errors) if errors else Document(node)

    def _remember(self, text: str, document: Document) -> None:
        if _cost(text) > self._most:
            return
        self._remembered[text] = document
        self._room -= _cost(text)
        while self._room < 0:
            forgotten, _ = self._remembered.popitem(last=False)
            self._room += _cost(forgotten)


def _refused(*errors: GraphQLError) -> Document:
    """Remember what is wrong with a document, and nothing of the document itself.

    Each error leads to the nodes that it is about, or by its traceback to all that was on the
    stack; its locations are known by now.
    """
    for error in errors:
        error.nodes = error.source = None
        for cause in (error, error.original_error):
            if cause is not None:
                cause.with_traceback(None).__context__ = None
    return Document(NOTHING, errors)


def _unlink_tokens(node: DocumentNode) -> None:
    """Take the tokens of a document apart, which else are one ring of all that was read.

    Only the garbage collector frees a ring, and it goes through all that is remembered each time:
    100 ms that nobody else is answered in.
    """
    token = node.loc.start_token if node.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


def _cost(text: str) -> int:
    return len(text) + CHARACTERS_FOR_EACH
