"""What a run ran on, and with which versions."""

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks import cores
from benchmarks.peers.installation import FASTAPI_USERS, NODE_PEERS, PEERS

Facts = dict[str, Any]
# Those of the environment that the tables name; the raw results have all.
NAMED = [
    "strawberry-graphql",
    "graphql-core",
    "starlette",
    "uvicorn",
    "httptools",
    "uvloop",
    "pyjwt",
    "bcrypt",
    "beanie",
]
NAMED += ["pymongo"]
GIGABYTE = 2**30


def facts(mongo_uri: str) -> Facts:
    """Return all that is known of the machine and of the programs."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        mongodb = client.server_info()["version"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said("git", "-C", str(PEERS), "describe", "--always", "--dirty", "--tags"),
        "machine": {
            "processor": _processor(),
            "cores": len(cores.ALL),
            "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE),
            "kernel": platform.release(),
            "load before": os.getloadavg()[0],
        },
        "programs": {
            "Python": platform.python_version(),
            "MongoDB": mongodb,
            "Node.js": _said("node", "--version").removeprefix("v"),
            "wrk": _said("wrk", "-v").removeprefix("wrk ").partition(" ")[0],
        },
        "packages": {one.name.lower(): one.version for one in distributions()},
        "peers": {peer: _node_packages(peer) for peer in NODE_PEERS}
        | {"fastapi_users": _python_packages(FASTAPI_USERS)},
    }


def named(found: Facts) -> str:
    """Say which versions matter most."""
    programs = [f"{name} {version}" for name, version in found["programs"].items()]
    packages = [f"{name} {found['packages'][name]}" for name in NAMED if name in found["packages"]]
    return ", ".join(programs + packages)


def _said(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return "none"
    ended = subprocess.run(  # noqa: S603 - our own command
        [path, *arguments], capture_output=True, text=True, check=False
    )
    return (ended.stdout or ended.stderr).strip().partition("\n")[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _node_packages(peer: str) -> dict[str, str]:
    lock = json.loads((PEERS / peer / "package-lock.json").read_text(encoding="utf-8"))
    return {
        path.removeprefix("node_modules/"): package["version"]
        for path, package in lock["packages"].items()
        if path
    }


def _python_packages(environment: Path) -> dict[str, str]:
    paths = [str(path) for path in environment.glob("lib/python*/site-packages")]
    return {one.name.lower(): one.version for one in distributions(path=paths)} if paths else {}
