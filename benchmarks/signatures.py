"""What key pairs cost, beside a shared secret: ``.venv/bin/python -m benchmarks.signatures``."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from benchmarks.accounts import prepare_accounts
from benchmarks.measurements import Measurement, Sample, spread, take_turns
from benchmarks.peers.catalog import GRAPHQL_AUTH
from benchmarks.servers import TOKEN_KEY, start_mongodb, start_server
from benchmarks.subjects import Subject
from benchmarks.workloads import read, refreshes
from graphql_auth.keys import create_access_tokens
from graphql_auth.settings import Settings
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.signing_keys import create_key

ROUNDS, SECONDS, CONNECTIONS, TOKENS = 7, 2.5, 16, 1_000
HS256, ES256, WITHOUT_EXTRA = "HS256", "ES256", "HS256 without the extra"
KEY_PAIRS = (ES256, "EdDSA", "RS256")
USER, SESSION = "65f000000000000000000001", "65f000000000000000000002"


def sign_and_verify(tokens: AccessTokens) -> Sample:
    """Return the microseconds of a core for both; no token was verified before."""
    began = time.process_time()
    issued = [tokens.issue(USER, SESSION, tokens.expiry()).value for _ in range(TOKENS)]
    signed = time.process_time()
    for token in issued:
        tokens.verify(token)
    verified = time.process_time()
    scale = 1e6 / TOKENS
    return {"sign µs": (signed - began) * scale, "verify µs": (verified - signed) * scale}


def measure_algorithms(directory: Path) -> Measurement:
    known = {HS256: Settings(token_key=SecretStr(TOKEN_KEY))}
    for name in KEY_PAIRS:
        create_key(directory / name, name)
        known[name] = known[HS256].model_copy(update={"signing_keys": directory / name})
    tokens = {name: create_access_tokens(one, time.time) for name, one in known.items()}
    return take_turns({name: partial(sign_and_verify, one) for name, one in tokens.items()}, ROUNDS)


def start_subjects(stack: ExitStack, mongo_uri: str, directory: Path) -> Iterator[Subject]:
    """Start a server with each kind of key, and one in whose environment is no cryptography."""
    (directory / "cryptography.py").write_text("raise ModuleNotFoundError\n", encoding="ascii")
    added = {
        WITHOUT_EXTRA: {"PYTHONPATH": str(directory)},
        HS256: {},
        ES256: {"SIGNING_KEYS": str(directory / ES256)},
    }
    for name, settings in added.items():
        database = f"{mongo_uri}{name.replace(' ', '_')}"
        given = {**GRAPHQL_AUTH.environment, "TOKEN_KEY": TOKEN_KEY, "MONGO_URI": database}
        command, request = GRAPHQL_AUTH.command, GRAPHQL_AUTH.welcome("none")
        server = stack.enter_context(start_server(command, given | settings, directory, request))
        print(f"  {name}: {server.megabytes:.1f} MB after the start", flush=True)
        yield Subject(GRAPHQL_AUTH, server, prepare_accounts(GRAPHQL_AUTH, server, CONNECTIONS))


def compare(title: str, measurement: Measurement, *metrics: str) -> None:
    for name in measurement.samples:
        for metric in metrics:
            values = spread(measurement.values(name, metric))
            ratio = spread(measurement.ratios(name, HS256, metric))
            print(f"{title}, {name}, {metric}: {values}; {ratio} times {HS256}")


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary,
        start_mongodb(Path(temporary)) as mongo_uri,
        ExitStack() as stack,
    ):
        algorithms = measure_algorithms(Path(temporary))
        subjects = list(start_subjects(stack, mongo_uri, Path(temporary)))
        named = dict(zip((WITHOUT_EXTRA, HS256, ES256), subjects, strict=True))
        both = {name: named[name] for name in (HS256, ES256)}
        workloads = {
            "welcome": partial(read, Subject.welcome),
            "refreshes": partial(refreshes, CONNECTIONS),
        }
        found = {
            title: take_turns(
                {name: partial(work, one, SECONDS) for name, one in both.items()}, ROUNDS
            )
            for title, work in workloads.items()
        }
        memory = {name: one.server.megabytes for name, one in named.items()}
    compare("tokens", algorithms, "sign µs", "verify µs")
    for title, measurement in found.items():
        compare(title, measurement, "per second")
    print(f"MB at the end: {memory}")


if __name__ == "__main__":
    main()
