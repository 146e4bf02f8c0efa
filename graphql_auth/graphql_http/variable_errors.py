"""Errors about invalid variables and ids, with field and reason, never the value."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from traceback import walk_tb
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    is_input_object_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
)
from strawberry.relay import GlobalID, ListConnection, fields
from strawberry.relay.utils import SliceMetadata

from graphql_auth.errors import BadInput, FieldError, FieldReason


def variable_errors(
    schema: GraphQLSchema, errors: list[GraphQLError], variables: Mapping[str, Any]
) -> list[GraphQLError]:
    """Replace the errors about variables by one BadInput with every invalid field.

    graphql-core reports each error separately, with the whole input in the message. An error of the
    coercion has an ``original_error``; one of the validation, also about a variable, has none.
    """
    nodes = {
        node.variable.name.value: node
        for error in errors
        if isinstance(error.original_error, GraphQLError)
        for node in error.nodes or ()
        if isinstance(node, VariableDefinitionNode)
    }
    fields: list[FieldError] = []
    for name, node in nodes.items():
        type_ = type_from_ast(schema, node.type)
        fields += _field_errors(variables.get(name, Undefined), type_, name)  # type: ignore[arg-type]
    if not fields:
        return errors
    return [GraphQLError("", list(nodes.values()), original_error=BadInput(fields))]


def _field_errors(value: object, type_: GraphQLInputType, path: str) -> Iterator[FieldError]:
    if is_non_null_type(type_):
        if value is None or value is Undefined:
            yield FieldError(path, FieldReason.REQUIRED, "This field is required.")
            return
        type_ = type_.of_type
    if is_input_object_type(type_) and isinstance(value, dict):
        for name, field in type_.fields.items():
            if name in value or is_required_input_field(field):
                yield from _field_errors(value.get(name, Undefined), field.type, name)
        for name in value:
            if name not in type_.fields:
                yield FieldError(name, FieldReason.UNKNOWN_FIELD, "There is no such field.")
        if type_.is_one_of and (len(value) != 1 or None in value.values()):
            yield FieldError(path, FieldReason.WRONG_TYPE, "Set exactly one of its fields.")
    elif coerce_input_value(value, type_) is Undefined:
        yield FieldError(path, FieldReason.WRONG_TYPE, f"This must be of type {type_}.")


def relay_error(error: Exception) -> BadInput | None:
    """Return the error for arguments of connections and nodes that Strawberry refuses.

    It raises a ValueError or TypeError, which may not name the argument; or islice() raises one.
    """
    for (caller, _), (frame, _) in pairwise(walk_tb(error.__traceback__)):
        code = frame.f_code
        is_node_field = caller.f_code.co_filename == fields.__file__
        if is_node_field and code is GlobalID.resolve_type.__code__:
            return BadInput([FieldError("id", FieldReason.WRONG_TYPE, "Use the id of an object.")])
        is_slice = code is ListConnection.resolve_connection.__code__ and "islice()" in str(error)
        if is_slice or code is SliceMetadata.from_arguments.__code__:
            if size := re.match("Argument '(first|last)'", str(error)):
                return BadInput([FieldError(size[1], FieldReason.OUT_OF_RANGE, str(error))])
            name = "after" if frame.f_locals["after"] else "before"
            cursor = FieldError(name, FieldReason.INVALID_CURSOR, "Use a cursor of this list.")
            return BadInput([cursor])
    return None
