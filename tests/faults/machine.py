"""What happens to a machine: its network cable is pulled, or its disk is full. It needs root."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTES = 700


class Machine:
    """A network namespace and a file system for one member of a replica set."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory = directory
        self.namespace = f"ga-{os.getpid()}"
        self._outside, self._inside = f"ga{os.getpid()}o", f"ga{os.getpid()}i"
        network = f"10.{64 + number % 64}.{os.getpid() >> 6 & 0xFF}.{4 * (os.getpid() & 0x3F)}"
        prefix, _, last = network.rpartition(".")
        # Of the rest of the world, and of this machine.
        self.gateway, self.host = f"{prefix}.{int(last) + 1}", f"{prefix}.{int(last) + 2}"

    @property
    def command(self) -> list[str]:
        """What runs a command on it."""
        return ["ip", "netns", "exec", self.namespace]

    def connect(self) -> None:
        """Plug the cable in."""
        _run("ip", "-n", self.namespace, "link", "set", self._inside, "up")

    def disconnect(self) -> None:
        """Pull the cable out: packets are lost, and no connection is closed."""
        _run("ip", "-n", self.namespace, "link", "set", self._inside, "down")

    def fill_disk(self) -> None:
        """Write until there is no space left."""
        with (self.directory / "large").open("wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass

    def empty_disk(self) -> None:
        (self.directory / "large").unlink()

    def set_up(self) -> None:
        _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(self.directory))
        _run("ip", "netns", "add", self.namespace)
        _run("ip", "link", "add", self._outside, "type", "veth", "peer", "name", self._inside)
        _run("ip", "link", "set", self._inside, "netns", self.namespace)
        _run("ip", "addr", "add", f"{self.gateway}/30", "dev", self._outside)
        _run("ip", "link", "set", self._outside, "up")
        _run("ip", "-n", self.namespace, "addr", "add", f"{self.host}/30", "dev", self._inside)
        _run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        self.connect()

    def tear_down(self) -> None:
        for command in (
            ("ip", "link", "delete", self._outside),
            ("ip", "netns", "delete", self.namespace),
            ("umount", "--lazy", str(self.directory)),
        ):
            subprocess.run(command, check=False, capture_output=True)


@contextmanager
def run_machine(directory: Path) -> Iterator[Machine]:
    """Yield a machine; skips the test where the system does not let this user make one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("Not run: a network namespace and a file system need root and iproute2.")
    machine = Machine(directory, int(time.time()))
    try:
        try:
            machine.set_up()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"Not run: {' '.join(error.cmd)}: {error.stderr.strip()}")
        yield machine
    finally:
        machine.tear_down()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
