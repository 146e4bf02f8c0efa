"""How long a login is refused, for accounts that exist and that do not, throttled and not.

Run: .venv/bin/python -m benchmarks.refusals [BCRYPT_ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import httpx

TRIES = 50
LOGIN = "mutation ($i: LoginInput!) { login(input: $i) { token } }"
REGISTER = "mutation ($i: RegisterInput!) { register(input: $i) { token } }"


def main() -> None:
    """Measure interleaved tries against a server of its own, and print their medians."""
    rounds = sys.argv[1] if len(sys.argv) > 1 else "12"
    settings = {"BCRYPT_ROUNDS": rounds, "MAX_FAILURES_PER_ADDRESS": "1000000"}
    settings["MAX_REGISTRATIONS_PER_ADDRESS"] = "1000000"
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "graphql_auth", "serve", "--port", "0"]
        environment = os.environ | settings | {"PYTHONPATH": str(Path.cwd())}
        server = subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            _measure(_url(server))
        finally:
            server.terminate()
            server.wait()


def _url(server: "subprocess.Popen[str]") -> str:
    for line in server.stdout or ():
        if "/graphql" in line:
            return next(word for word in line.split() if word.startswith("http"))
    raise SystemExit("the server has not started")


def _measure(url: str) -> None:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    with httpx.Client(timeout=60) as client:
        for account in range(TRIES // 5 + 1):
            name = {"firstName": "Ada", "lastName": "L", "password": "correct horse"}
            email = f"known{account}@example.com"
            client.post(url, json={"query": REGISTER, "variables": {"i": name | {"email": email}}})
        for number in range(TRIES):
            # Five failures of an account are verified; the throttled ones come on top.
            for kind in ("known", "unknown"):
                email = f"{kind}{number // 5}@example.com"
                seconds[f"{kind}, verified"].append(_refused(client, url, email, "INVALID"))
        for number in range(TRIES):
            for kind in ("known", "unknown"):
                email = f"{kind}{number % (TRIES // 5)}@example.com"
                seconds[f"{kind}, throttled"].append(_refused(client, url, email, "TOO_MANY"))
    for kind, taken in seconds.items():
        print(f"{kind:20} {statistics.median(taken) * 1000:8.2f} ms")


def _refused(client: httpx.Client, url: str, email: str, code: str) -> float:
    variables = {"i": {"email": email, "password": "wrong"}}
    began = time.perf_counter()
    answer = client.post(url, json={"query": LOGIN, "variables": variables})
    taken = time.perf_counter() - began
    if code not in answer.text:
        raise SystemExit(f"not refused as expected: {answer.text}")
    return taken


if __name__ == "__main__":
    main()
