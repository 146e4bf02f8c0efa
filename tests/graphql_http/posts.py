"""Requests that are sent as they are, and what they are made of."""

import httpx

from tests.client import Client

JSON = {"Content-Type": "application/json"}
MEDIA = "application/graphql-response+json"
TWO = "query A { a: __typename } query B { b: __typename }"


def post(client: Client, body: bytes, **headers: str) -> httpx.Response:
    return client.http.post(client.url, content=body, headers=JSON | headers)
