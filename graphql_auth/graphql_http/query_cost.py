"""Measures of a document: how large it is, and what it takes to validate it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
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


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection set comes to, with its fragments put in place as often as they stand."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0

    def beside(self, other: "Size") -> "Size":
        """Return what both come to in one place."""
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.root_fields + other.root_fields,
            self.fields + other.fields,
        )

    def within(self, field: FieldNode) -> "Size":
        """Return what a field comes to that has this in it."""
        return Size(self.depth + 1, self.aliases + bool(field.alias), 1, self.fields + 1)


class Measured:
    """The measures of one document; a fragment is measured once, however often it is spread.

    Whether the document is valid does not matter: an unknown fragment counts for nothing, and one
    that spreads itself counts once.
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
        self._sizes: dict[str, Size] = {}
        self.directives = 0
        self._selection_sets: list[SelectionSetNode] = []
        for node in _nodes_in(document):
            if isinstance(node, DirectiveNode):
                self.directives += 1
            elif isinstance(node, SelectionSetNode):
                self._selection_sets.append(node)

    def size(self, selection_set: SelectionSetNode | None) -> Size:
        """Measure what is selected."""
        selections = selection_set.selections if selection_set else ()
        return reduce(Size.beside, map(self._selection_size, selections), Size())

    def _selection_size(self, selection: Node) -> Size:
        if isinstance(selection, FieldNode):
            return self.size(selection.selection_set).within(selection)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment_size(selection.name.value)
        return self.size(cast("InlineFragmentNode", selection).selection_set)

    def _fragment_size(self, name: str) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size()
            self._sizes[name] = self.size(self._fragments.get(name))
        return self._sizes[name]

    def comparisons(self, most: int) -> int:
        """Count what the rule takes that fields of one name have to be alike, up to ``most`` + 1.

        graphql-core gathers the fields of each selection set with those of its fragments, and
        compares each with each that has its name. Counting takes as many steps as are counted.
        (https://spec.graphql.org/September2025/#FieldsInSetCanMerge())
        """
        return _Comparing(self._fragments, most).count(self._selection_sets)


class _Comparing:
    def __init__(self, fragments: dict[str, SelectionSetNode], most: int) -> None:
        self._fragments = fragments
        self._left = most

    def count(self, selection_sets: Iterable[SelectionSetNode]) -> int:
        most = self._left
        for selection_set in selection_sets:
            self._compare([selection_set])
            if self._left < 0:
                break
        return most - self._left

    def _compare(self, selection_sets: Iterable[SelectionSetNode]) -> None:
        together: defaultdict[str, list[FieldNode]] = defaultdict(list)
        spread: set[str] = set()
        for selection_set in selection_sets:
            for field in self._fields_of(selection_set, spread):
                together[(field.alias or field.name).value].append(field)
        for same in together.values():
            self._left -= len(same) * (len(same) - 1) // 2
            if self._left < 0:
                return
            if len(same) > 1:
                self._compare([field.selection_set for field in same if field.selection_set])

    def _fields_of(self, selection_set: SelectionSetNode, spread: set[str]) -> Iterator[FieldNode]:
        """Yield the fields that stand in one place, each fragment's once."""
        for selection in selection_set.selections:
            self._left -= 1
            if self._left < 0:
                return
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    yield from self._fields_of(selection.selection_set, spread)
                case FragmentSpreadNode(name=name) if name.value not in spread:
                    spread.add(name.value)
                    if name.value in self._fragments:
                        yield from self._fields_of(self._fragments[name.value], spread)


def _nodes_in(node: Node) -> Iterator[Node]:
    waiting: list[Any] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Node):
            yield current
            waiting.extend(getattr(current, key) for key in current.keys if key != "loc")
        elif isinstance(current, list | tuple):
            waiting.extend(current)
