import pytest

from graphql_auth.origins import (
    format_origin,
    has_public_name,
    is_local,
    normalize_origin,
    parse_origin,
    site,
)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("https://app.example.com:0443", "https://app.example.com"),
        ("https://app.example.com:", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://app.example.com:80", "https://app.example.com:80"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("https://app.example.com.", "https://app.example.com."),
        ("https://my_app--pr-1.example.com", "https://my_app--pr-1.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example:443", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://हिन्दी.example", "https://xn--j2bd4cyah0f.example"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("http://[FD00::A]", "http://[fd00::a]"),
        ("http://127.1:80", "http://127.0.0.1"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("Tauri://Localhost", "tauri://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("app://.", "app://."),
        (f"chrome-extension://{'ab' * 16}", f"chrome-extension://{'ab' * 16}"),
    ],
)
def test_origin_is_normalized_as_browsers_send_it(text: str, origin: str) -> None:
    assert normalize_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "null", "app.example.com", "app.example.com:443", "//app.example.com"),
        *("https://", "https:", "https:app.example.com", "https:/app.example.com", "https://:443"),
        *("https://app.example.com/", "https://app.example.com/a", "https://app.example.com?a"),
        *("https://app.example.com#a", "https://ada:secret@app.example.com", "https://app\\a"),
        *(
            "https://*.example.com",
            "https://app.*",
            "https://.example.com",
            "https://.",
            "app://.a",
        ),
        *("app://..", "https://a..example"),
        *("https://app.example.com:port", "https://app.example.com:65536", "https://[::1", "a://"),
        *("https://app .example.com", " https://app.example.com", "https://app.example.com\n"),
        *(
            "https://app.example.com;http://b.example",
            '"https://app.example.com"',
            "https://1.2.3.4.5",
        ),
        *("htps://app.example.com", "htttp://localhost", "httpss://app.example.com"),
        *("file://app", "ftp://app", "ws://app.example.com", "wss://app.example.com"),
        *("mailto:ada@example.com", "data:text/html,a", "capacitor:/localhost"),
    ],
)
def test_text_that_is_no_origin_of_a_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        normalize_origin(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("http://localhost:4001", True), ("http://localhost.", True), ("http://LOCALHOST", True)),
        *(("http://app.localhost", True), ("http://a.app.localhost:1", True)),
        *(
            ("http://127.0.0.1", True),
            ("http://127.255.0.9:8080", True),
            ("http://[::1]:4001", True),
        ),
        *(("https://localhost", False), ("http://localhost.example", False)),
        *(
            ("http://mylocalhost", False),
            ("http://127.0.0.1.example", False),
            ("http://[::2]", False),
        ),
        *(("http://0.0.0.0", False), ("http://192.168.1.5", False), ("http://auth", False)),
        *(("http://128.0.0.1", False), ("tauri://localhost", False)),
    ],
)
def test_local_origins_are_those_that_browsers_trust(text: str, *, expected: bool) -> None:
    origin = parse_origin(text)

    assert origin
    assert is_local(origin) is expected


@pytest.mark.parametrize(
    ("text", "expected", "is_public"),
    [
        ("https://app.example.com:8443", "example.com", True),
        ("https://example.com", "example.com", True),
        ("https://app.example.com.", "com.", True),
        ("http://localhost", "localhost", False),
        ("http://a.app.localhost", "app.localhost", False),
        ("http://192.168.1.5", "192.168.1.5", False),
        ("http://[fd00::1]", "[fd00::1]", False),
        ("http://auth:4001", "auth", False),
        ("http://auth.default.svc.cluster.local:4001", "cluster.local", False),
        ("http://auth.internal", "auth.internal", False),
    ],
)
def test_site_and_kind_of_host(text: str, expected: str, *, is_public: bool) -> None:
    origin = parse_origin(text)

    assert origin
    assert site(origin) == expected
    assert has_public_name(origin) is is_public
    assert parse_origin(format_origin(origin)) == origin
