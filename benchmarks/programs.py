"""Programs of ours that measure something, and print it as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.wire import WrongAnswer

ROOT = Path(__file__).parent.parent
SECONDS_TO_END = 120.0


def program(
    module: str, *arguments: str, given: bytes = b"", **environment: str
) -> dict[str, float]:
    """Run a module, and return what it printed; raises WrongAnswer when it fails."""
    try:
        # On an interrupt, run() ends it.
        ended = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            input=given,
            capture_output=True,
            timeout=SECONDS_TO_END,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WrongAnswer(f"{module} did not end") from None
    if ended.returncode:
        raise WrongAnswer(f"{module} ended with: {ended.stderr.decode().strip()[-300:]}")
    found: dict[str, float] = json.loads(ended.stdout)
    return found
