"""GraphQL documents out of the schema's own words: many of them valid, most of them odd."""

import json

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

from graphql_auth.schema import create_schema

SCHEMA = create_schema().core
OBJECTS = [type_ for type_ in SCHEMA.type_map.values() if is_object_type(type_)]
FRAGMENTS = "ABCDEF"
DEEPEST = 8
MOST_COPIES = 1_000
LONGEST_OF_COPIES = 3_000

names = st.text("abc_", min_size=1, max_size=9)
literals = (
    st.integers().map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.text(max_size=20).map(json.dumps)
    | st.sampled_from(["true", "null", "$v", "ENUM", '"""block"""', "1e99999", "-0", "{}", "[[]]"])
)
# Many copies, so that slow code takes long enough to notice.
copies = st.sampled_from([1] * 25 + [2, 15, 200, MOST_COPIES])
directives = st.sampled_from([""] * 12 + ["@skip(if: false)", "@include(if: $v)", "@x", "@skip"])
aliases = st.sampled_from([""] * 6 + ["a: ", "b: ", "token: "])
oddities = st.builds(
    "{}({}: {})".format, names | st.sampled_from(["__type", "node"]), names, literals
)


def values(type_: GraphQLInputType) -> st.SearchStrategy[str]:
    """Values that fit the type, most of the time."""
    wanted = get_nullable_type(type_)
    if is_list_type(wanted):
        fitting = st.lists(values(wanted.of_type), max_size=3).map(" ".join).map("[{}]".format)
    elif is_input_object_type(wanted):
        fitting = given_to(wanted.fields).map("{{{}}}".format)
    else:
        fitting = st.sampled_from(['"a@example.com"', '"x"', '""', "true", "1"])
    return fitting | fitting | fitting | literals


def given_to(
    wanted: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
) -> st.SearchStrategy[str]:
    """All required values, and sometimes optional ones."""
    pairs = [
        st.builds("{}: {}".format, st.just(name), values(one.type))
        if is_required(one)
        else st.just("") | st.builds("{}: {}".format, st.just(name), values(one.type))
        for name, one in wanted.items()
    ]
    return st.tuples(*pairs).map(" ".join)


def is_required(one: GraphQLArgument | GraphQLInputField) -> bool:
    if isinstance(one, GraphQLArgument):
        return is_required_argument(one)
    return is_required_input_field(one)


@st.composite
def selections(draw: st.DrawFn, type_: GraphQLNamedType, depth: int = 0) -> str:
    """What can be selected of the type, several times."""
    selected = []
    for kind in draw(st.lists(st.sampled_from("fffffs.o"), min_size=1, max_size=4)):
        match kind:
            case "f":
                text = draw(field(type_, depth))
            case "s":
                text = "..." + draw(st.sampled_from(FRAGMENTS))
            case ".":
                text = f"... {{ {draw(leaf(type_, depth))} }}"
            case _:
                text = draw(oddities)
        selected.append(f"{text} " * min(draw(copies), 1 + LONGEST_OF_COPIES // len(text)))
    return " ".join(selected)


@st.composite
def field(draw: st.DrawFn, type_: GraphQLNamedType, depth: int) -> str:
    """A field with what it requires."""
    found = getattr(type_, "fields", {})
    name: str = draw(st.sampled_from([*found, "__typename"]))
    if name not in found:
        return name
    arguments = draw(given_to(found[name].args)).strip()
    text: str = draw(aliases) + name + (f"({arguments})" if arguments else "") + draw(directives)
    inner = get_named_type(found[name].type)
    if is_composite_type(inner):
        text += f" {{ {draw(leaf(inner, depth + 1))} }}"
    return text


def leaf(type_: GraphQLNamedType, depth: int) -> st.SearchStrategy[str]:
    return selections(type_, depth) if depth < DEEPEST else st.just("__typename")


def operation(number: int, kind: str, root: GraphQLObjectType | None) -> st.SearchStrategy[str]:
    assert root is not None
    head = st.sampled_from([f"{kind} Q{number}", f"{kind} Q{number}($v: Boolean = true)", kind])
    return st.builds("{} {} {{ {} }}".format, head, directives, selections(root))


def operations(number: int) -> st.SearchStrategy[str]:
    return operation(number, "query", SCHEMA.query_type) | operation(
        number, "mutation", SCHEMA.mutation_type
    )


def fragment(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(OBJECTS).flatmap(
        lambda type_: selections(type_).map(
            lambda selected: f"fragment {name} on {type_.name} {{ {selected} }}"
        )
    )


documents = st.integers(1, 2).flatmap(
    lambda count: st.tuples(
        *map(operations, range(count)), *(st.just("") | fragment(name) for name in FRAGMENTS)
    ).map(" ".join)
)
