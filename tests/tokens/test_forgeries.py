"""No forged or malformed token is accepted, by servers that sign with each algorithm."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.client import VIEWER, Client
from tests.conftest import KEY, Start
from tests.process import ServerProcess
from tests.tokens.forgery import Case, Material, read_cases
from tests.tokens.keys import ALGORITHMS, ASYMMETRIC, Key, new_key, write_keys
from tests.tokens.signatures import decode

CASES = read_cases()
FORGED = [case for case in CASES if not case.is_accepted]
ACCEPTED = [case for case in CASES if case.is_accepted]
# What can be in a header; httptools and proxies refuse the rest before us.
IN_A_HEADER = re.compile(r"[!-~]([ -~]{0,8000}[!-~])?")
SHORTEST_SECRET = 20
# The one event: each server registers a user.
EVENT = " INFO graphql_auth.security: .*: register outcome=success"


@dataclass(frozen=True)
class Answer:
    """What a server said to a token in one place of a request."""

    place: str
    status: int
    challenge: str | None
    body: dict[str, object]

    @property
    def reason(self) -> object:
        """The reason of the refusal; None if the token was accepted."""
        match self.body:
            case {"errors": [{"extensions": {"code": "UNAUTHENTICATED", "reason": reason}}]}:
                return reason
            case {"data": {"viewer": {"id": _}}}:
                return None
            case other:
                return other


class Servers:
    """One server for each algorithm that signs, all with the same keys and database."""

    def __init__(self, servers: dict[str, ServerProcess], keys: dict[str, Key]) -> None:
        self.running = servers
        self._http = httpx.Client(timeout=30)
        self._keys = keys
        self.sent: set[str] = set()
        self.good = {name: self._register(server) for name, server in servers.items()}
        self.answers = {
            (case.name, algorithm): list(self._present(case, algorithm))
            for algorithm in servers
            for case in CASES
            if case.is_for(algorithm)
        }

    def close(self) -> None:
        self._http.close()

    def _register(self, server: ServerProcess) -> str:
        with Client(server.url) as client:
            return client.token()

    def _present(self, case: Case, algorithm: str) -> Iterator[Answer]:
        token = case.build(Material(algorithm, self._keys, self.good))
        self.sent.add(token)
        url, asked = self.running[algorithm].url, {"query": VIEWER}
        yield self._answer("body", self._http.post(url, json=asked | {"token": token}))
        if IN_A_HEADER.fullmatch(token):
            headers = {"Authorization": f"Bearer {token}"}
            yield self._answer("header", self._http.post(url, json=asked, headers=headers))

    def _answer(self, place: str, response: httpx.Response) -> Answer:
        challenge = response.headers.get("www-authenticate")
        return Answer(place, response.status_code, challenge, response.json())


@pytest.fixture(scope="module")
def servers(start_shared: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    keys = {name: new_key(name) for name in ASYMMETRIC}
    directory = tmp_path_factory.mktemp("keys")
    started = {}
    for algorithm in ALGORITHMS:
        settings = {"TOKEN_SOURCES": "authorization,body"}
        if algorithm in keys:
            ordered = sorted(keys, key=lambda name: name != algorithm)
            written = write_keys(directory / algorithm, *(keys[name] for name in ordered))
            settings["SIGNING_KEYS"] = str(written)
        started[algorithm] = start_shared(**settings)
    servers = Servers(started, {"HS256": Key(KEY.encode()), **keys})
    yield servers
    servers.close()


def test_corpus_has_all_cases() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(FORGED) >= 450
    assert all(re.fullmatch(r"RFC \d{4} [\d.A]\S*( F)?", case.values["rule"]) for case in CASES)


def test_each_server_signs_with_its_algorithm(servers: Servers) -> None:
    headers = {name: decode(token.partition(".")[0]) for name, token in servers.good.items()}

    assert {name: json.loads(header)["alg"] for name, header in headers.items()} == {
        name: name for name in ALGORITHMS
    }


@pytest.mark.parametrize("case", FORGED, ids=lambda case: case.name)
def test_forged_token_is_refused(case: Case, servers: Servers) -> None:
    for algorithm in filter(case.is_for, ALGORITHMS):
        for answer in servers.answers[case.name, algorithm]:
            assert (answer.status, answer.reason) == (200, case.reason), (algorithm, answer)
            assert answer.challenge == 'Bearer error="invalid_token"', (algorithm, answer)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_good_token_of_the_same_builder_is_accepted(case: Case, servers: Servers) -> None:
    for algorithm in ALGORITHMS:
        is_known = algorithm != "HS256" or case.values.get("algorithm", "HS256") == "HS256"
        for answer in servers.answers[case.name, algorithm]:
            assert answer.reason == (None if is_known else "TOKEN_INVALID"), (algorithm, answer)


def test_servers_print_nothing_of_a_token(servers: Servers) -> None:
    printed = "".join(server.output for server in servers.running.values())
    parts = {part for token in servers.sent for part in token.split(".")}

    assert len(servers.sent) > 1500
    assert "register outcome=success" in printed
    assert [part for part in parts if len(part) >= SHORTEST_SECRET and part in printed] == []


def test_servers_log_no_line_for_a_token(servers: Servers) -> None:
    """So a client can neither fill the log nor forge a line of it."""
    assert servers.sent
    for server in servers.running.values():
        logged = [line for line in server.output.splitlines() if re.match(r"\d{4}-", line)]
        assert [line for line in logged if not re.search(EVENT, line)] == []
