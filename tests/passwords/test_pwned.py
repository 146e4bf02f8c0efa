import hashlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from graphql_auth.errors import StartError
from graphql_auth.logs import describe_exception
from graphql_auth.passwords import pwned as module
from graphql_auth.passwords.pwned import PwnedPasswordsClient
from tests.client import Client, new_email, reasons
from tests.conftest import Start

pytestmark = pytest.mark.anyio

BREACHED = "battery staple of everyone"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


class Service(ThreadingHTTPServer):
    """Speaks the range API of Have I Been Pwned, padding included; or fails as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.paths: list[str] = []
        self.padding: list[str | None] = []
        self.status = 200
        self.seconds = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.padding.append(self.headers["Add-Padding"])
        time.sleep(self.server.seconds)
        self.send_response(self.server.status)
        self.end_headers()
        known = digest(BREACHED)
        lines = ["0" * 35 + ":0", digest("padded entry")[5:] + ":0"]
        if self.path == f"/range/{known[:5]}":
            lines.append(f"{known[5:]}:1234")
        self.wfile.write("\r\n".join(lines).encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        threading.Thread(target=service.serve_forever, args=[0.01]).start()
        yield service
        service.shutdown()


@pytest.fixture
async def breaches(service: Service) -> AsyncIterator[PwnedPasswordsClient]:
    async with PwnedPasswordsClient(service.url) as breaches:
        yield breaches


async def test_lookup_sends_five_digits_of_the_hash(
    breaches: PwnedPasswordsClient, service: Service
) -> None:
    assert await breaches.is_pwned(BREACHED) is True
    assert await breaches.is_pwned("correct horse of nobody") is False

    assert service.paths[0] == f"/range/{digest(BREACHED)[:5]}"
    assert service.padding == ["true", "true"]


async def test_padding_is_not_a_breach(breaches: PwnedPasswordsClient) -> None:
    assert await breaches.is_pwned("padded entry") is False


@pytest.mark.parametrize("status", [404, 429, 500, 301])
async def test_failed_lookup_counts_as_not_pwned(
    breaches: PwnedPasswordsClient, service: Service, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    service.status = status

    assert await breaches.is_pwned(BREACHED) is False

    (record,) = (one for one in caplog.records if one.name == "graphql_auth.passwords.pwned")
    assert BREACHED not in record.getMessage()
    assert digest(BREACHED)[:5] not in record.getMessage()


@pytest.mark.alone
async def test_slow_lookup_counts_as_not_pwned(
    breaches: PwnedPasswordsClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)
    service.seconds = 1.0
    start = time.monotonic()

    assert await breaches.is_pwned(BREACHED) is False

    assert time.monotonic() - start < 0.9


async def test_unreachable_service_counts_as_not_pwned() -> None:
    async with PwnedPasswordsClient("http://127.0.0.1:1") as breaches:
        assert await breaches.is_pwned(BREACHED) is False


def test_setting_enables_lookups_of_new_passwords(service: Service, start: Start) -> None:
    server = start(BREACHED_PASSWORDS=service.url)
    with Client(server.url) as client:
        email = new_email()
        assert reasons(client.register(email=email, password=BREACHED)) == {"password": "BREACHED"}
        assert "errors" not in client.register(email=email, password="correct horse of nobody")
        asked = len(service.paths)
        assert "errors" not in client.login(email, "correct horse of nobody")
        assert len(service.paths) == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "missing.pem"),
        ("SSL_CERT_FILE", __file__),
        ("HTTPS_PROXY", "ftp://user:hunter2@proxy.example"),
        ("HTTPS_PROXY", "http://user:hunter2@proxy.example:port"),
        ("ALL_PROXY", "socks5://user:hunter2@proxy.example"),
    ],
)
async def test_unusable_certificates_or_proxy_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(StartError, match=f"^BREACHED_PASSWORDS: .*{name}") as refused:
        async with PwnedPasswordsClient(module.HAVE_I_BEEN_PWNED):
            pass

    assert "hunter2" not in describe_exception(refused.value)
