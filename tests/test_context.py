import pytest
from starlette.requests import Request

from graphql_auth.context import client_info


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:DB8:0::1", 1), "2001:db8::1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("<script>", 1), None),
        (("", 0), None),
        (None, None),
    ],
)
def test_the_address_of_a_client_is_one_or_is_not_told(
    client: tuple[str, int] | None, expected: str | None
) -> None:
    request = Request({"type": "http", "client": client, "headers": [(b"user-agent", b"me")]})

    device = client_info(request)

    assert (device.ip_address, device.user_agent) == (expected, "me")
