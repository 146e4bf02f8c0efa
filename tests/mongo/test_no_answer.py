"""The reason that a start names when no MongoDB answers."""

import os
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from graphql_auth.errors import StartError
from graphql_auth.mongo import client as mongo
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.outages import find_cause
from graphql_auth.services import DOCUMENTS
from tests.integrations.processes import free_port
from tests.mongo.conftest import StartMongod

pytestmark = pytest.mark.anyio


async def reason(uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what the refusal of a start names as the reason."""
    monkeypatch.setattr(mongo, "CONNECT_TIMEOUT", 1.2)
    with pytest.raises(StartError) as refused:
        async with connect(uri, DOCUMENTS):
            pass
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("MONGO_URI: no MongoDB answers within 1 s (")
    return message.partition("(")[2].partition(")")[0]


@pytest.fixture(scope="module")
def plain(start_mongod: StartMongod) -> int:
    return start_mongod()


@pytest.fixture(scope="module")
def with_tls(start_mongod: StartMongod, certificates: Path) -> int:
    return start_mongod("--tlsMode=requireTLS", f"--tlsCertificateKeyFile={certificates}/here.pem")


async def test_refused_connection_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}"

    assert await reason(uri, monkeypatch) == "connection refused"


async def test_unknown_host_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)

    assert await reason("mongodb://db.invalid", monkeypatch) == "unknown host"


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("%2Fno%2Fsuch.sock", "no such socket file"),
        (f"%2F{'x' * 200}.sock", "path of the socket is too long"),
        ("a..b", "invalid host name"),
        (f"{'x' * 64}.invalid", "invalid host name"),
    ],
)
async def test_host_that_cannot_be_one_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, host: str, cause: str
) -> None:
    assert await reason(f"mongodb://{host}", monkeypatch) == cause


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ("authMechanism=MONGODB-AWS", "MONGODB-AWS authentication requires pymongo-auth-aws: "),
        ("loadBalanced=true", "Driver attempted to initialize in load balancing mode, but "),
    ],
)
async def test_option_that_cannot_be_used_with_this_server_is_the_reason(
    plain: int, options: str, cause: str
) -> None:
    with pytest.raises(StartError) as refused:
        async with connect(f"mongodb://mongodb:hunter2@127.0.0.1:{plain}/?{options}", DOCUMENTS):
            pass

    assert str(refused.value).startswith(f"MONGO_URI cannot be used: {cause}")


@pytest.mark.parametrize("options", ["", "&directConnection=true"])
async def test_wrong_replica_set_is_the_reason(
    plain: int, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    uri = f"mongodb://127.0.0.1:{plain}/?replicaSet=other{options}"

    assert await reason(uri, monkeypatch) == "wrong replicaSet"


async def test_replica_set_that_is_not_initiated_is_the_reason(
    start_mongod: StartMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"mongodb://127.0.0.1:{start_mongod('--replSet=rs0')}/?replicaSet=rs0"

    assert await reason(uri, monkeypatch) == "replica set not initiated"


async def test_tls_without_tls_on_the_other_side_is_the_reason(
    plain: int, with_tls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"mongodb://127.0.0.1:{plain}/?tls=true"

    assert await reason(uri, monkeypatch) == "TLS handshake failed"
    assert await reason(f"mongodb://127.0.0.1:{with_tls}", monkeypatch) == "connection closed"


async def test_refused_certificate_is_the_reason(
    with_tls: int, start_mongod: StartMongod, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = f"mongodb://127.0.0.1:{with_tls}/?tls=true"
    key = f"--tlsCertificateKeyFile={certificates}/there.pem"
    port = start_mongod("--tlsMode=requireTLS", key)
    known = f"mongodb://127.0.0.1:{port}/?tls=true&tlsCAFile={certificates}/ca.pem"

    assert await reason(unknown, monkeypatch) == "TLS certificate of an unknown CA"
    assert await reason(known, monkeypatch) == "TLS certificate for another host"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("The DNS query name does not exist: _mongodb._tcp.db.invalid.", "unknown host"),
        ("All nameservers failed to answer the query _mongodb._tcp.db. IN SRV", "unknown host"),
        ("A DNS label is empty.", "invalid host name"),
        (
            "('a..b', 1) error=UnicodeEncodeError('idna', 'a..b', 2, 3, 'label empty')",
            "invalid host name",
        ),
        ("/run/m.sock: [Errno 13] Permission denied", "no permission for the socket"),
        ("mydns.internal:27017: timed out (configured timeouts: …)", "timed out"),
        ("db:27017: [Errno -3] Temporary failure in name resolution", "unknown host"),
        ("db:27017: [Errno 113] Connect call failed ('10.0.0.1', 27017)", "unreachable host"),
        ("topology_type: ReplicaSetNoPrimary, servers: [<ServerDescription (…", "no primary"),
        ("certificate verify failed: certificate has expired", "TLS certificate has expired"),
        ("Message length (1329865020) is larger than server max message size", "not a MongoDB"),
        ("Server at h:1 reports wire version 6, but …", "unsupported version of MongoDB"),
    ],
)
def test_message_of_the_driver_has_a_cause(message: str, cause: str) -> None:
    assert find_cause(message) == cause


@pytest.mark.parametrize("option", ["tlsCAFile", "tlsCertificateKeyFile", "tlscrlfile"])
async def test_file_that_is_not_there_is_named(option: str) -> None:
    with pytest.raises(StartError) as refused:
        async with connect(f"mongodb://u:hunter2@h/?tls=true&{option}=/no/where.pem", DOCUMENTS):
            pass

    named = str(refused.value)
    assert "hunter2" not in named
    assert named.lower() == (
        f"mongo_uri: the file of {option} cannot be used: no such file or directory.".lower()
    )


@pytest.mark.parametrize("option", ["tlsCAFile", "tlsCertificateKeyFile"])
async def test_file_that_is_no_certificate_is_named(tmp_path: Path, option: str) -> None:
    (tmp_path / "x.pem").write_text("x")

    with pytest.raises(StartError, match=f"^MONGO_URI: the file of {option} cannot be used: "):
        async with connect(f"mongodb://h/?tls=true&{option}={tmp_path}/x.pem", DOCUMENTS):
            pass


async def test_fifo_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")

    with pytest.raises(StartError, match=r"the file of tlsCAFile .* not a regular file"):
        async with connect(f"mongodb://h/?tls=true&tlsCAFile={tmp_path}/ca.pem", DOCUMENTS):
            pass


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("mongodb://u:p@ss@h", "percent-encode"),
        ("mongodb://u:p/ss@h", "percent-encode"),
        ("mongodb://u:p?s=s@h", "percent-encode"),
        ("http://h", "its form is mongodb://"),
        ("mongodb://h:99999", "its form is mongodb://"),
    ],
)
async def test_only_a_password_is_to_be_percent_encoded(uri: str, hint: str) -> None:
    with pytest.raises(StartError, match=hint):
        async with connect(uri, DOCUMENTS):
            pass
