"""The messages of Strawberry's extensions that refuse a document."""

from typing import Any

import httpx
import pytest
from graphql import FieldNode, GraphQLError, ValidationRule
from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    QueryDepthLimiter,
    SchemaExtension,
)

from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.schema import create_schema


class NoMail(ValidationRule):
    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "mail":
            self.report_error(GraphQLError("No mail.", node, extensions={"code": "NO_MAIL"}))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("extension", "message", "code"),
    [
        (
            QueryDepthLimiter(max_depth=0),
            "'Q' exceeds maximum operation depth of 0",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            MaxAliasesLimiter(max_alias_count=0),
            "1 aliases found. Allowed: 0",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            MaxTokensLimiter(max_token_count=3),
            "Syntax Error: Document contains more than 3 tokens.",
            "GRAPHQL_PARSE_FAILED",
        ),
        (AddValidationRules([NoMail]), "No mail.", "NO_MAIL"),
    ],
)
async def test_client_reads_why_an_extension_refuses(
    extension: SchemaExtension, message: str, code: str
) -> None:
    schema = create_schema(extensions=[lambda: extension])
    run = schema.execute
    endpoint = GraphQLEndpoint(schema.core, lambda *_: None, EndpointConfig(), None, run)
    query = {"query": "query Q { a: features { mail } }"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        answer = (await client.post("http://test/graphql", json=query)).json()

    (error,) = answer["errors"]
    assert (error["message"], error["extensions"]) == (message, {"code": code})
    assert "data" not in answer
