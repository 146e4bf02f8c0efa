from graphql_auth.client_info import ClientInfo


def test_stored_user_agent_is_truncated() -> None:
    assert ClientInfo("192.0.2.1", "x" * 1000).fields == {
        "ip_address": "192.0.2.1",
        "user_agent": "x" * 400,
    }
    assert ClientInfo().fields == {"ip_address": None, "user_agent": None}
