"""A soak test: ``python -m tests.faults.soak MINUTES`` puts a server with everything on under load.

It prints memory, descriptors and threads of each process, and the documents of each collection,
once a minute. In the second half of the time none of them may grow; nobody is signed out.
"""

import asyncio
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from pymongo import MongoClient

from graphql_auth.embedded_mongo.mongod import URI_FILE
from tests.client import PASSWORD
from tests.faults.load import ACTORS, LOGIN, SECONDS_TO_ANSWER, Load
from tests.mail.relay import Relay, run_relay
from tests.operations.prometheus import Scrape
from tests.process import ServerProcess, process_name, start_server

SECONDS_BETWEEN_SAMPLES = 10
# Of the mean, from the first to the last sample of the second half.
MAX_GROWTH = 0.05
# WiredTiger fills its cache of 256 MB, which takes hours.
MAX_MONGOD_MB = 600
# Documents that come and go, of a small collection.
NOISE = {"MB": 2.0, "documents": 60.0, "descriptors": 8.0, "threads": 2.0}

SIGN_UP = "mutation ($input: SignUpInput!) { done: signUp(input: $input) { email } }"
CONFIRM = "mutation ($input: ConfirmSignUpInput!) { done: confirmSignUp(input: $input) { %s } }"
DELETE = (
    "mutation ($input: DeleteAccountInput!)"
    " { done: deleteAccount(input: $input) { deletedUserId } }"
)

# They expire within a day.
PER_EMAIL = re.compile("^[a-z_]+-(hour|day|pair|devices):")

Samples = defaultdict[tuple[str, str], list[float]]


class Lives(Load):
    """The clients of the fault tests, who also sign up by mail, and delete their accounts."""

    relay: Relay

    async def _live(self, actor: int) -> None:
        await super()._live(actor)
        email = next(one.email for one in reversed(self.sessions) if one.actor == actor)
        reply, _ = await self.insist(LOGIN, {"email": email, "password": PASSWORD})
        await self._delete(reply.data["token"])
        await self._sign_up(f"by.mail.{email}")
        # Of people who are gone.
        del self.sessions[:-1_000], self.users[:-1_000]

    async def _sign_up(self, email: str) -> None:
        names = {"firstName": "A", "lastName": "B"}
        await self.insist(SIGN_UP, names | {"email": email, "password": PASSWORD})
        while not (mails := [one for one in self.relay.messages if one["To"] == email]):
            await self._pause(0.5)
        body = mails[0].get_body(("plain",))
        assert body
        link = re.search(r"#[\w-]+=(\S+)", body.get_content())
        assert link
        reply, _ = await self.insist(CONFIRM, {"token": link[1], "password": PASSWORD})
        await self._delete(reply.data["token"])
        del self.relay.messages[:-1_000], self.relay.recipients[:]

    async def _delete(self, token: str) -> None:
        reply, times = await self.insist(DELETE, {"currentPassword": PASSWORD}, token)
        assert not reply.code or times > 1, reply


def main() -> None:
    minutes = float(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        sys.exit(asyncio.run(soak(Path(directory), minutes)))


async def soak(directory: Path, minutes: float) -> int:
    """Run the load, and return the exit status."""
    async with run_relay() as relay:
        server = await asyncio.to_thread(
            start_server,
            directory,
            *("--workers", "2"),
            METRICS_PORT="0",
            LOG_FORMAT="json",
            SIGN_IN_LINKS="on",
            TRUSTED_PROXIES="127.0.0.1",
            SMTP_URL=f"smtp+plain://127.0.0.1:{relay.port}",
            MAIL_FROM="no-reply@example.com",
            APP_URL="https://app.example.com",
            MAIL_PER_MINUTE="100000",
            # What has ended is removed after it.
            TOKEN_TTL="1m",
            SESSION_IDLE_TTL="2m",
        )
        try:
            return await run_load(server, relay, directory, minutes)
        finally:
            await asyncio.to_thread(server.stop)


async def run_load(server: ServerProcess, relay: Relay, directory: Path, minutes: float) -> int:
    samples = Samples(list)
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=60)
    hooks = {"request": [come_from_anywhere]}
    async with httpx.AsyncClient(
        timeout=SECONDS_TO_ANSWER, limits=limits, event_hooks=hooks
    ) as http:
        clients = Lives(http, server.url)
        clients.relay = relay
        tasks = [asyncio.create_task(clients.act(actor)) for actor in range(ACTORS)]
        tasks.append(asyncio.create_task(clients.probe()))
        uri = (directory / "graphql-auth-data" / URI_FILE).read_text(encoding="utf-8")
        with MongoClient[dict[str, object]](uri) as mongo:
            end = time.monotonic() + 60 * minutes
            while time.monotonic() < end and not any(task.done() for task in tasks):
                await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)
                await asyncio.to_thread(take_samples, server, mongo, samples)
                report(samples)
        clients.end()
        await asyncio.gather(*tasks)
    print(f"{clients.acknowledged} changes acknowledged; errors: {dict(clients.codes)}")
    wrong = [*clients.signed_out, *clients.forked, *find_growth(samples)]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


async def come_from_anywhere(request: httpx.Request) -> None:
    """Have another IP address each time, since the rate limits count the mails of one."""
    request.headers["X-Forwarded-For"] = str(IPv4Address(random.getrandbits(32)))


def take_samples(
    server: ServerProcess, mongo: MongoClient[dict[str, object]], samples: Samples
) -> None:
    """Measure all processes and collections once."""
    # As Prometheus does.
    Scrape(server)
    pids = [server.process.pid, *server.descendants()]
    names = {pid: f"{number} {process_name(pid)}" for number, pid in enumerate(pids)}
    for pid, name in names.items():
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        numbers = dict(re.findall(r"(\w+):\s+(\d+)", status))
        samples[name, "MB"].append(int(numbers["VmRSS"]) / 1024)
        samples[name, "threads"].append(int(numbers["Threads"]))
        samples[name, "descriptors"].append(len([*Path(f"/proc/{pid}/fd").iterdir()]))
    database = mongo.get_default_database()
    for name in database.list_collection_names():
        # The rate limits of each e-mail are kept for hours, as long as they count.
        query = {"_id": {"$not": PER_EMAIL}} if name == "graphql_auth_attempts" else {}
        samples[name, "documents"].append(database[name].count_documents(query))


def report(samples: Samples) -> None:
    """Print the last samples, once a minute."""
    count = len(samples["users", "documents"])
    if count % (60 // SECONDS_BETWEEN_SAMPLES) == 0:
        latest = [f"{name} {values[-1]:.0f} {unit}" for (name, unit), values in samples.items()]
        print(f"{count * SECONDS_BETWEEN_SAMPLES} s:", ", ".join(latest), flush=True)


def find_growth(samples: Samples) -> list[str]:
    """Print what each series does in its second half, and return those that grow."""
    found = []
    for (name, unit), values in samples.items():
        half = values[len(values) // 2 :]
        slope, _ = statistics.linear_regression(range(len(half)), half)
        growth, mean = slope * (len(half) - 1), statistics.fmean(half)
        an_hour = slope * 3600 / SECONDS_BETWEEN_SAMPLES
        line = f"{name}: {mean:.1f} {unit}, at most {max(values):.0f}, {an_hour:+.1f} an hour"
        print(line)
        is_cache = unit == "MB" and "mongod" in name and max(values) < MAX_MONGOD_MB
        if growth > mean * MAX_GROWTH + NOISE[unit] and not is_cache:
            found.append(f"It grows: {line}")
    return found


if __name__ == "__main__":
    main()
