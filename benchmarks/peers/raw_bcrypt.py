"""A floor for logins: bcrypt on all cores as its documentation shows it, and nothing else.

Run: BCRYPT_ROUNDS=12 .venv/bin/python -m benchmarks.peers.raw_bcrypt SECONDS
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt

PASSWORD = b"correct horse battery staple"


def main() -> None:
    """Check a password on every core for so long, and print the rate as JSON."""
    seconds = float(sys.argv[1])
    rounds = int(os.environ.get("BCRYPT_ROUNDS", "12"))
    # bcrypt lets other threads run while it hashes.
    threads = len(os.sched_getaffinity(0))
    stored = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(rounds))
    began, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        rates = list(pool.map(_rate, [stored] * threads, [seconds] * threads))
    # Fewer than there are threads: others used the machine, and the rate is no floor.
    cores = (time.process_time() - worked) / (time.perf_counter() - began)
    found = {"hashes_per_second": sum(rates), "rounds": rounds, "threads": threads}
    print(json.dumps(found | {"cores_had": cores, "seconds": seconds}))


def _rate(stored: bytes, seconds: float) -> float:
    began = time.perf_counter()
    hashes = 0
    while time.perf_counter() - began < seconds:
        bcrypt.checkpw(PASSWORD, stored)
        hashes += 1
    # The last one ended after the time was over, and counts with its own.
    return hashes / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
