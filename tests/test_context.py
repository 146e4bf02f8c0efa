from typing import Any

import pytest
from starlette.requests import Request

from graphql_auth.context import Anonymous, Context
from graphql_auth.errors import TokenReason


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:DB8:0::1", 1), "2001:db8::1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        # A zone can be any text, which must not be in logs and mails.
        (("fe80::1%eth0 outcome=success", 1), "fe80::1"),
        (("<script>", 1), None),
        (("", 0), None),
        (None, None),
    ],
)
def test_ip_address_of_client_is_canonical_or_none(
    client: tuple[str, int] | None, expected: str | None
) -> None:
    request = Request({"type": "http", "client": client, "headers": [(b"user-agent", b"me")]})
    unused: Any = None

    device = Context(unused, Anonymous(TokenReason.TOKEN_MISSING), request, unused).client

    assert (device.ip_address, device.user_agent) == (expected, "me")
