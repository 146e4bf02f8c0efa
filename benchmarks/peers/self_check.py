"""Whether each contender does what is measured, with any number of workers, at the given cost."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

from benchmarks.peers.contender import Contender, Request
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod

KEY = "a key of the self-check, which is long enough"
EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"  # noqa: S105
# Nobody's default, to see that the setting counts; as bcrypt and bcrypt_sha256 write it.
ROUNDS = 5
COSTS = ("$05$", ",r=5$")
TOKEN_HEADERS = {"authorization", "x-access-token"}
SECONDS_TO_START = 30
SECONDS_TO_STOP = 20


class Mismatch(Exception):
    """A contender does not do what is measured."""


def check(contenders: tuple[Contender, ...], token_signed_by: Callable[[str], str]) -> None:
    """Check each contender, and print a line on each; end with status 1 if one of them fails."""
    with (
        tempfile.TemporaryDirectory() as directory,
        lock_data_directory(Path(directory)) as data,
        run_mongod(data) as mongod,
    ):
        mongod.wait_until_ready()
        good = [_line(one, mongod.uri, token_signed_by(KEY)) for one in contenders]
    if not all(good):
        raise SystemExit(1)


def _line(contender: Contender, mongo_uri: str, spare_token: str) -> bool:
    server = mongo_uri.rpartition("/")[0]
    database = contender.name.replace(" ", "_").lower()
    try:
        for workers in range(1, contender.max_workers + 1):
            uri = f"{server}/{database}_{workers}"
            with _started(contender, uri, workers) as client:
                done = _checked(contender, client, uri, spare_token)
    except (Mismatch, httpx.HTTPError) as error:
        print(f"{contender.name:18} WRONG, with {workers} worker(s): {error!r}", flush=True)
        return False
    print(f"{contender.name:18} {', '.join(done)} (1 to {workers} workers)", flush=True)
    return True


@contextmanager
def _started(contender: Contender, mongo_uri: str, workers: int) -> Iterator[httpx.Client]:
    port = _free_port()
    settings = {"PORT": str(port), "MONGO_URI": mongo_uri}
    settings |= {"TOKEN_KEY": KEY, "BCRYPT_ROUNDS": str(ROUNDS)}
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen(  # noqa: S603 - our own command
            contender.command(workers),
            cwd=directory,
            env=os.environ | contender.environment | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                _await(server, client)
                yield client
        finally:
            server.terminate()
            try:
                server.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
                raise Mismatch("it does not end when it is told to") from None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(server: "subprocess.Popen[bytes]", client: httpx.Client) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            client.get("/")
        except httpx.TransportError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Mismatch("it does not start") from None
            time.sleep(0.05)
        else:
            return


def _checked(contender: Contender, client: httpx.Client, uri: str, spare_token: str) -> list[str]:
    """Go through all that a contender offers, and return what that was."""
    done, token = [], spare_token
    if contender.register:
        _json(client, contender.register(EMAIL, PASSWORD))
        _check_cost(uri)
        done.append("registers")
    if contender.login:
        _check_refusal(client, contender.login(EMAIL, PASSWORD[:-1]))
        answer = _json(client, contender.login(EMAIL, PASSWORD))
        token = contender.token_in(answer)
        done.append("logs in")
        if contender.refresh and contender.refresh_token_in:
            first = contender.refresh_token_in(answer)
            answer = _json(client, contender.refresh(first))
            token = contender.token_in(answer)
            if contender.refresh_token_in(answer) == first:
                raise Mismatch("it gives out the same refresh token")
            done.append("refreshes")
    _check_welcome(contender, client, token)
    return [*done, "welcomes those with a token alone"]


def _check_welcome(contender: Contender, client: httpx.Client, token: str) -> None:
    welcome = contender.welcome(token)
    answer = _answer(client, welcome)
    if not _accepted(answer) or contender.welcomed not in answer.text:
        raise Mismatch(f"it does not welcome: {answer.status_code} {answer.text}")
    without = {
        name: value for name, value in welcome.headers.items() if name.lower() not in TOKEN_HEADERS
    }
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{signature[:8][::-1]}{signature[8:]}"
    anonymous = Request(welcome.method, welcome.path, without, welcome.body)
    for request in (anonymous, contender.welcome(forged)):
        refusal = _answer(client, request)
        if _accepted(refusal) or contender.welcomed in refusal.text:
            raise Mismatch(f"it welcomes anybody: {refusal.status_code} {refusal.text}")


def _check_refusal(client: httpx.Client, request: Request) -> None:
    answer = _answer(client, request)
    if _accepted(answer):
        raise Mismatch(f"it accepts a wrong password: {answer.text}")


def _accepted(answer: httpx.Response) -> bool:
    """Whether it is neither an error of HTTP nor one of GraphQL."""
    return answer.is_success and '"errors"' not in answer.text


def _json(client: httpx.Client, request: Request) -> Any:  # noqa: ANN401 - JSON
    answer = _answer(client, request)
    if not _accepted(answer):
        raise Mismatch(f"{request.path} answers {answer.status_code} {answer.text}")
    return answer.json()


def _answer(client: httpx.Client, request: Request) -> httpx.Response:
    return client.request(
        request.method, request.path, headers=dict(request.headers), content=request.body
    )


def _check_cost(uri: str) -> None:
    """Check that the stored hash costs what was asked for."""
    with MongoClient[dict[str, Any]](uri) as client:
        user = client.get_default_database()["users"].find_one({"email": EMAIL}) or {}
    stored = user.get("password") or user.get("hashed_password") or "nothing"
    if not any(cost in stored for cost in COSTS):
        raise Mismatch(f"it stores {stored}")
