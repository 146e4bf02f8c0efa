"""The terminals of a reader who pastes commands: one shell, and one more for each server."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

SECONDS_FOR_A_BLOCK = 300
SERVES = re.compile(r"\bserve\b|\buvicorn\b")
READY = re.compile(r"http://\S+:\d+.*\n")
FAILED = re.compile(r"^\[status \d+\] .*\n", re.MULTILINE)


class Terminal:
    """A shell that runs pasted blocks, and what it has printed."""

    def __init__(self, directory: Path, environment: Mapping[str, str], output: Path) -> None:
        self._output = output
        self._directory = directory
        self._end = f"[end of {output.name}]"
        self._pasted = 0
        self.is_serving = False
        with output.open("wb") as file:
            self._shell = subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                cwd=directory,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._write("trap 'echo \"[status $?] $BASH_COMMAND\"' ERR")

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def paste(self, source: str) -> str:
        """Run a block until it ends, or its server is ready; return what it printed."""
        start = len(self.output)
        self._pasted += 1
        end = f"{self._end} {self._pasted}\n"
        block = self._output.with_suffix(f".{self._pasted}.sh")
        block.write_text(source, encoding="utf-8")
        # No command reads the rest of what is pasted.
        self._write(f". '{block}' </dev/null; echo '{end.rstrip()}'")
        deadline = time.monotonic() + SECONDS_FOR_A_BLOCK
        while not (printed := self.output[start:]).endswith(end):
            assert time.monotonic() < deadline, printed
            assert self._shell.poll() is None, printed
            if SERVES.search(source) and READY.search(printed):
                self.is_serving = True
                return printed
            time.sleep(0.02)
        return printed.removesuffix(end)

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until the server has ended."""
        os.killpg(self._shell.pid, signal.SIGINT)
        self.close()

    def close(self) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        try:
            self._shell.wait(SECONDS_FOR_A_BLOCK)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()
            raise

    def _write(self, line: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{line}\n".encode())
        self._shell.stdin.flush()


class Reader:
    """Somebody who follows a page in one directory.

    A server stays in its terminal; the next block goes to a new one. To start the next server, the
    reader stops the one before.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], outputs: Path) -> None:
        self._directory = directory
        self._environment = environment
        self._outputs = outputs
        self._terminals: list[Terminal] = []
        self._servers: list[Terminal] = []
        self._idle: list[Terminal] = []

    @property
    def output(self) -> str:
        """Everything that the terminals have printed so far."""
        return "".join(terminal.output for terminal in self._terminals)

    def paste(self, source: str) -> str:
        """Paste a block; return what it printed, with a line for each command that failed."""
        if SERVES.search(source):
            self.stop_servers()
        terminal = self._idle.pop() if self._idle else self._open()
        printed = terminal.paste(source)
        (self._servers if terminal.is_serving else self._idle).append(terminal)
        return printed

    def stop_servers(self) -> None:
        while self._servers:
            self._servers.pop().interrupt()

    def close(self) -> None:
        self.stop_servers()
        while self._idle:
            self._idle.pop().close()

    def _open(self) -> Terminal:
        output = self._outputs / f"terminal-{len(self._terminals)}"
        terminal = Terminal(self._directory, self._environment, output)
        self._terminals.append(terminal)
        return terminal
