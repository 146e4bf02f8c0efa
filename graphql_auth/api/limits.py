"""Limits on a request, measured before it is validated, in time linear in its size."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from graphql_auth.errors import AuthError


class TooComplex(AuthError):
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
    repetitions: pairs of fields of one name in one place, each of which validation compares.
    variables: the characters and values in all of them.
    """

    tokens: int = 2_000
    directives: int = 50
    depth: int = 20
    aliases: int = 50
    root_fields: int = 20
    fields: int = 1_000
    repetitions: int = 10_000
    variables: int = 20_000

    def check_document(self, document: DocumentNode) -> None:
        """Raise TooComplex for the first limit that the document passes.

        Whether the document is valid does not matter: an unknown fragment counts for nothing, and
        one that spreads itself counts once.
        """
        try:
            measured = _Measuring(document)
            self._check("directives", measured.directives)
            for operation in measured.operations:
                size = measured.size(operation.selection_set)
                for name in ("depth", "aliases", "root_fields", "fields"):
                    self._check(name, getattr(size, name))
                # Only now are fragments put in place for good, since there are not too many.
                self._check("repetitions", measured.repetitions([operation.selection_set]))
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


def parse_within(limits: Limits, text: str) -> DocumentNode:
    """Parse a document that is not too long and not too deep.

    Raises TooComplex, and GraphQLSyntaxError.
    """
    try:
        return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLSyntaxError as error:
        if " contains more than " in error.message:
            raise TooComplex("tokens", limits.tokens) from None
        if " nested too deeply" in error.message:
            raise TooComplex("depth", limits.depth) from None
        raise


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection set comes to."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0

    def beside(self, other: "_Size") -> "_Size":
        return _Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.root_fields + other.root_fields,
            self.fields + other.fields,
        )

    def within(self, field: FieldNode) -> "_Size":
        return _Size(self.depth + 1, self.aliases + bool(field.alias), 1, self.fields + 1)


class _Measuring:
    """Measures one document; each fragment once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        definitions = document.definitions
        self.operations = [
            node for node in definitions if isinstance(node, OperationDefinitionNode)
        ]
        self._fragments = {
            node.name.value: node.selection_set
            for node in definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}
        self.directives = sum(_directives(node) for node in definitions)

    def size(self, selection_set: SelectionSetNode | None) -> _Size:
        selections = selection_set.selections if selection_set else ()
        return reduce(_Size.beside, map(self._selection_size, selections), _Size())

    def _selection_size(self, selection: Node) -> _Size:
        if isinstance(selection, FieldNode):
            return self.size(selection.selection_set).within(selection)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment_size(selection.name.value)
        return self.size(cast("InlineFragmentNode", selection).selection_set)

    def _fragment_size(self, name: str) -> _Size:
        if name not in self._sizes:
            self._sizes[name] = _Size()
            self._sizes[name] = self.size(self._fragments.get(name))
        return self._sizes[name]

    def repetitions(self, selection_sets: Iterable[SelectionSetNode]) -> int:
        """Count the pairs of fields that stand under one name in one place.

        A fragment that is spread several times in one place counts once there, as it does for the
        validation.
        """
        together: defaultdict[str, list[FieldNode]] = defaultdict(list)
        spread: set[str] = set()
        for selection_set in selection_sets:
            for field in self._fields_of(selection_set, spread):
                together[(field.alias or field.name).value].append(field)
        return sum(
            len(same) * (len(same) - 1) // 2
            + self.repetitions([field.selection_set for field in same if field.selection_set])
            for same in together.values()
        )

    def _fields_of(self, selection_set: SelectionSetNode, spread: set[str]) -> Iterator[FieldNode]:
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    yield from self._fields_of(selection.selection_set, spread)
                case FragmentSpreadNode(name=name) if name.value not in spread:
                    spread.add(name.value)
                    if name.value in self._fragments:
                        yield from self._fields_of(self._fragments[name.value], spread)


def _directives(node: Node) -> int:
    """Count the directives in a node and in all that it holds."""
    counted: Counter[str] = Counter()
    waiting: list[Any] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Node):
            counted[current.kind] += 1
            waiting.extend(getattr(current, key) for key in current.keys if key != "loc")
        elif isinstance(current, list | tuple):
            waiting.extend(current)
    return counted["directive"]
