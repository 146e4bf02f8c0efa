"""Load from wrk: requests that are prepared beforehand, and answers that are all checked."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cores
from benchmarks.peers.contender import Request
from benchmarks.wire import HOST, WrongAnswer, head

SCRIPT = Path(__file__).parent / "wrk" / "requests.lua"
RESULT = "result: "
# Stands in a request where the latest refresh token goes.
REFRESH_TOKEN = "@refresh@"  # noqa: S105 - a place, not a token
# An answer is waited for, however long the server takes.
SECONDS_TO_ANSWER = 60
SECONDS_TO_END = SECONDS_TO_ANSWER + 10
WARM_UP = 0.5
# As in the script: what comes while wrk is ending does not count.
END = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """A request, and what a good answer to it contains."""

    request: Request
    expected: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a thread of wrk sends, over and over; with a refresh token, over one connection."""

    steps: Sequence[Step]
    refresh_token: str = ""
    # The name under which an answer carries the next refresh token.
    refresh_key: str = ""

    def write(self, path: Path) -> None:
        """Write it as the script for wrk reads it."""
        texts = [self.refresh_token, self.refresh_key]
        for step in self.steps:
            texts += [step.expected, head(step.request), step.request.body]
        path.write_bytes(b"".join(text.encode() + b"\0" for text in texts))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What wrk saw: answers a second, and how long they took from request to answer."""

    rate: float
    p50: float
    p99: float

    @property
    def metrics(self) -> dict[str, float]:
        """The same, by the names of the tables."""
        return {"per second": self.rate, "p50 ms": self.p50, "p99 ms": self.p99}


def load(port: int, scripts: Sequence[Script], connections: int, seconds: float) -> Loaded:
    """Send each script on a thread of its own, and wait; raises WrongAnswer if one was wrong."""
    with _wrk(port, scripts, connections, seconds) as (process, duration):
        return _read(_output(process), duration)


@contextmanager
def loading(
    port: int, scripts: Sequence[Script], connections: int, most_seconds: float
) -> Iterator[None]:
    """Keep a server under load for as long as this is entered."""
    with _wrk(port, scripts, connections, most_seconds) as (process, _):
        yield
        if process.poll() is not None:
            raise WrongAnswer("the load ended before what was to be measured under it")


@contextmanager
def _wrk(
    port: int, scripts: Sequence[Script], connections: int, seconds: float
) -> Iterator[tuple["subprocess.Popen[str]", float]]:
    duration = max(1, round(seconds + WARM_UP))
    with tempfile.TemporaryDirectory() as directory:
        for number, script in enumerate(scripts):
            script.write(Path(directory) / str(number))
        command = ["wrk", f"--threads={len(scripts)}", f"--connections={connections}"]
        command += [f"--duration={duration}s", f"--timeout={SECONDS_TO_ANSWER}s"]
        command += [f"--script={SCRIPT}", f"http://{HOST}:{port}/"]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--", directory, str(WARM_UP), str(duration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=cores.become_load,  # noqa: PLW1509 - no other thread runs
            start_new_session=True,
        )
        try:
            yield process, duration
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _output(process: "subprocess.Popen[str]") -> str:
    try:
        return process.communicate(timeout=SECONDS_TO_END)[0]
    except subprocess.TimeoutExpired:
        raise WrongAnswer("wrk did not end") from None


def _read(output: str, duration: float) -> Loaded:
    line = next((one for one in output.splitlines() if one.startswith(RESULT)), None)
    if line is None:
        raise WrongAnswer(f"wrk ended with: {output.strip()[-300:]}")
    found = json.loads(line.removeprefix(RESULT))
    for fault in ("wrong", "broken", "timeouts"):
        if found[fault]:
            raise WrongAnswer(f"{found[fault]} answers {fault} under load: {found['sample']}")
    return Loaded(found["counted"] / (duration - WARM_UP - END), found["p50"], found["p99"])
