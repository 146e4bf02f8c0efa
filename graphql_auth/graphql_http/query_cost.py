"""The complexity of a document: its size, and the cost of its validation."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
)

from graphql_auth.errors import ApplicationError, ErrorCode


class TooComplex(ApplicationError):
    def __init__(self, limit: str, allowed: int) -> None:
        message = "The document exceeds a limit."
        super().__init__(message, code=ErrorCode.QUERY_TOO_COMPLEX, limit=limit, allowed=allowed)


@dataclass(frozen=True, slots=True)
class SelectionSize:
    """The size of a selection set, with each fragment counted at each spread."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0

    def __add__(self, other: "SelectionSize") -> "SelectionSize":
        return SelectionSize(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.root_fields + other.root_fields,
            self.fields + other.fields,
        )


class QueryMetrics:
    """The metrics of one document; a fragment is measured once, however often it is spread.

    The document need not be valid: an unknown fragment counts as nothing, and one that spreads
    itself counts once.
    """

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
        self._sizes: dict[str, SelectionSize] = {}
        self.directives = 0
        self._selection_sets: list[SelectionSetNode] = []
        for node in _walk(document):
            if isinstance(node, DirectiveNode):
                self.directives += 1
            elif isinstance(node, SelectionSetNode):
                self._selection_sets.append(node)

    def size(self, selection_set: SelectionSetNode | None) -> SelectionSize:
        selections = selection_set.selections if selection_set else ()
        return sum(map(self._selection_size, selections), SelectionSize())

    def _selection_size(self, selection: Node) -> SelectionSize:
        if isinstance(selection, FieldNode):
            size = self.size(selection.selection_set)
            aliases = size.aliases + bool(selection.alias)
            return SelectionSize(size.depth + 1, aliases, 1, size.fields + 1)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment_size(selection.name.value)
        return self.size(cast("InlineFragmentNode", selection).selection_set)

    def _fragment_size(self, name: str) -> SelectionSize:
        if name not in self._sizes:
            self._sizes[name] = SelectionSize()
            self._sizes[name] = self.size(self._fragments.get(name))
        return self._sizes[name]

    def check_field_merges(self, limit: int) -> None:
        """Raise TooComplex when the validation would make more comparisons of fields.

        graphql-core collects the fields of each selection set with those of its fragments, and
        compares all that have the same name. Counting takes as many steps as it counts.
        https://spec.graphql.org/September2025/#FieldsInSetCanMerge()
        """
        counter = _FieldMergeCounter(self._fragments, limit)
        for selection_set in self._selection_sets:
            counter.compare([selection_set])


class _FieldMergeCounter:
    def __init__(self, fragments: dict[str, SelectionSetNode], limit: int) -> None:
        self._fragments = fragments
        self._left = self._limit = limit

    def compare(self, selection_sets: Iterable[SelectionSetNode]) -> None:
        by_name: defaultdict[str, list[FieldNode]] = defaultdict(list)
        spread: set[str] = set()
        for selection_set in selection_sets:
            for field in self._collect_fields(selection_set, spread):
                by_name[(field.alias or field.name).value].append(field)
        for same in by_name.values():
            self._count(len(same) * (len(same) - 1) // 2)
            if len(same) > 1:
                self.compare([field.selection_set for field in same if field.selection_set])

    def _collect_fields(
        self, selection_set: SelectionSetNode, spread: set[str]
    ) -> Iterator[FieldNode]:
        """Yield the fields of a selection set, those of each fragment once."""
        for selection in selection_set.selections:
            self._count(1)
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    yield from self._collect_fields(selection.selection_set, spread)
                case FragmentSpreadNode(name=name) if name.value not in spread:
                    spread.add(name.value)
                    if name.value in self._fragments:
                        yield from self._collect_fields(self._fragments[name.value], spread)

    def _count(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooComplex("comparisons", self._limit)


def _walk(node: Node) -> Iterator[Node]:
    queue: list[Any] = [node]
    while queue:
        current = queue.pop()
        if isinstance(current, Node):
            yield current
            queue.extend(getattr(current, key) for key in current.keys if key != "loc")
        elif isinstance(current, list | tuple):
            queue.extend(current)
