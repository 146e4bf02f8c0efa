"""Load from wrk: prepared requests, and a check of every answer (wrk.lua)."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http_client import HOST, SECONDS_TO_ANSWER, Request, WrongAnswer
from benchmarks.servers import become_load_generator

LUA = Path(__file__).parent / "wrk.lua"
# The place of the latest refresh token in a request.
REFRESH_TOKEN = "@refresh@"  # noqa: S105 - a place, not a token
WARM_UP_SECONDS = 0.5
# As in wrk.lua: answers that come while wrk ends do not count.
END_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Script:
    """What one thread of wrk sends; with a refresh token, over one connection."""

    requests: Sequence[Request]
    refresh_token: str = ""
    is_random: bool = False

    def write(self, path: Path) -> None:
        texts = [self.refresh_token, "random" if self.is_random else ""]
        for request in self.requests:
            texts += [request.expected, request.head, request.body]
        path.write_bytes(b"".join(text.encode() + b"\0" for text in texts))


def load(port: int, scripts: list[Script], connections: int, seconds: float) -> dict[str, float]:
    """Return the rate and the latencies; raises WrongAnswer if an answer was wrong."""
    with start_load(port, scripts, connections, seconds) as (process, duration):
        return finish_load(process, duration)


def finish_load(process: "subprocess.Popen[str]", duration: int) -> dict[str, float]:
    output, _ = process.communicate(timeout=duration + SECONDS_TO_ANSWER + 10)
    _, _, result = output.partition("result:\t")
    counted, *faults, p50, p99, sample = (result or "0\t" * 7).split("\t", 6)
    if any(map(float, faults)) or not result:
        raise WrongAnswer(f"wrong, broken, late: {faults}; {(sample or output)[-300:]}")
    rate = float(counted) / (duration - WARM_UP_SECONDS - END_SECONDS)
    return {"per second": rate, "p50 ms": float(p50) / 1e3, "p99 ms": float(p99) / 1e3}


@contextmanager
def start_load(
    port: int, scripts: Sequence[Script], connections: int, seconds: float
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Run each script on a thread of its own, and stop them all at the end."""
    duration = max(1, round(seconds + WARM_UP_SECONDS))
    with tempfile.TemporaryDirectory() as directory:
        for number, script in enumerate(scripts):
            script.write(Path(directory) / str(number))
        command = ["wrk", f"--threads={len(scripts)}", f"--connections={connections}"]
        command += [f"--duration={duration}s", f"--timeout={SECONDS_TO_ANSWER}s"]
        command += [f"--script={LUA}", f"http://{HOST}:{port}/"]
        with subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--", directory, str(WARM_UP_SECONDS), str(duration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=become_load_generator,  # noqa: PLW1509 - no other thread runs
            start_new_session=True,
        ) as process:
            try:
                yield process, duration
            finally:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                process.kill()
