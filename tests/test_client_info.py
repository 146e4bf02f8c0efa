from graphql_auth.client_info import ClientInfo


def test_stored_user_agent_is_truncated() -> None:
    assert ClientInfo("192.0.2.1", "x" * 1000).fields == {
        "ip_address": "192.0.2.1",
        "user_agent": "x" * 400,
    }
    assert ClientInfo().fields == {"ip_address": None, "user_agent": None}


def test_repr_shows_no_device_token() -> None:
    client = ClientInfo("192.0.2.1").with_device_tokens("a secret", None)

    assert client.device_tokens == ("a secret", None)
    assert "a secret" not in repr(client)
