"""What key pairs cost, beside a shared secret: ``.venv/bin/python -m benchmarks.signatures``."""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from benchmarks.measurements import Measurement, Sample, take_turns
from benchmarks.peers.catalog import GRAPHQL_AUTH, Peer
from benchmarks.report import metrics_table
from benchmarks.servers import TOKEN_KEY, start_mongodb, start_peer
from benchmarks.subjects import EMAILS, prepare_subject
from benchmarks.workloads import WORKLOADS
from graphql_auth.settings import Settings
from graphql_auth.token_key import create_access_tokens
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.key_files import create_key

ROUNDS, SECONDS, TOKENS = 7, 2.5, 1_000
USER, SESSION = "65f000000000000000000001", "65f000000000000000000002"


def _server(name: str, **environment: str) -> Peer:
    return replace(GRAPHQL_AUTH, name=name, environment={**GRAPHQL_AUTH.environment, **environment})


# Their working directory has the keys, and a module that hides the package cryptography.
HS256, ES256 = _server("HS256"), _server("ES256", SIGNING_KEYS="ES256")
WITHOUT_EXTRA = _server("HS256 without the extra", PYTHONPATH=".")


def sign_and_verify(tokens: AccessTokens) -> Sample:
    """Return the microseconds of a core for both; no token was verified before."""
    began = time.process_time()
    issued = [tokens.issue(USER, SESSION, tokens.expiry()).value for _ in range(TOKENS)]
    signed = time.process_time()
    for token in issued:
        tokens.verify(token)
    verified = time.process_time()
    sign, verify = (signed - began) / TOKENS, (verified - signed) / TOKENS
    return {"sign µs": sign * 1e6, "verify µs": verify * 1e6}


def measure_algorithms(directory: Path) -> Measurement:
    known = {HS256.name: Settings(token_key=SecretStr(TOKEN_KEY))}
    for name in (ES256.name, "EdDSA", "RS256"):
        create_key(directory / name, name)
        known[name] = known[HS256.name].model_copy(update={"signing_keys": directory / name})
    tokens = {name: create_access_tokens(one, time.time) for name, one in known.items()}
    return take_turns({name: partial(sign_and_verify, one) for name, one in tokens.items()}, ROUNDS)


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary,
        start_mongodb(Path(temporary)) as mongo_uri,
        ExitStack() as stack,
    ):
        directory, subjects = Path(temporary), []
        found = {"tokens": measure_algorithms(directory)}
        (directory / "cryptography.py").write_text("raise ModuleNotFoundError\n", encoding="ascii")
        for peer in (HS256, ES256, WITHOUT_EXTRA):
            server = stack.enter_context(start_peer(peer, mongo_uri, directory))
            subjects.append(prepare_subject(peer, server, len(EMAILS)))
        for name in ("welcome", "refreshes-16", "memory"):
            workload = replace(WORKLOADS[name], peers=(HS256, ES256, WITHOUT_EXTRA), floor={})
            found[name] = take_turns(workload.turns(subjects, mongo_uri, SECONDS), ROUNDS)
    for name, measurement in found.items():
        print(f"\n{name}\n{metrics_table(measurement, HS256.name)}")


if __name__ == "__main__":
    main()
