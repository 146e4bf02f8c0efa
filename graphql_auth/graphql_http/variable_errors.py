"""Variables that do not fit the schema: the field and the reason are said, never the value."""

from collections.abc import Iterator, Mapping
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

from graphql_auth.errors import BadInput, FieldError, FieldReason


def variable_errors(
    schema: GraphQLSchema, errors: list[GraphQLError], variables: Mapping[str, Any]
) -> list[GraphQLError]:
    """Gather the errors about variables into one error with every field that is off.

    graphql-core reports each by itself, with the whole input in the message. It leaves the error of
    the coercion behind; an error of the validation, which can be about a variable too, has none.
    """
    nodes = {
        node.variable.name.value: node
        for error in errors
        if isinstance(error.original_error, GraphQLError)
        for node in error.nodes or ()
        if isinstance(node, VariableDefinitionNode)
    }
    faults = tuple(
        fault for name, node in nodes.items() for fault in _variable_faults(schema, node, variables)
    )
    if not faults:
        return errors
    return [GraphQLError("", list(nodes.values()), original_error=BadInput(faults))]


def _variable_faults(
    schema: GraphQLSchema, node: VariableDefinitionNode, variables: Mapping[str, Any]
) -> Iterator[FieldError]:
    type_ = type_from_ast(schema, node.type)
    name = node.variable.name.value
    yield from _faults(variables.get(name, Undefined), type_, name)  # type: ignore[arg-type]


def _faults(value: object, type_: GraphQLInputType, path: str) -> Iterator[FieldError]:
    if is_non_null_type(type_):
        if value is None or value is Undefined:
            yield FieldError(path, FieldReason.REQUIRED, "This field is required.")
            return
        type_ = type_.of_type
    if is_input_object_type(type_) and isinstance(value, dict):
        for name, field in type_.fields.items():
            if name in value or is_required_input_field(field):
                yield from _faults(value.get(name, Undefined), field.type, name)
        for name in value:
            if name not in type_.fields:
                yield FieldError(name, FieldReason.UNKNOWN_FIELD, "There is no such field.")
    elif coerce_input_value(value, type_) is Undefined:
        yield FieldError(path, FieldReason.WRONG_TYPE, f"This must be of type {type_}.")
