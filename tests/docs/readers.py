"""What a reader does with each kind of block, and what each page takes for granted."""

import json
import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.client import Client
from tests.docs.blocks import Block, read_blocks
from tests.docs.terminals import FAILED, READY, Reader
from tests.integrations.processes import HERE, free_port, running
from tests.process import ROOT

ADA = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "password": "correct horse",
}
OUTPUT = {"text", "json"}
KEPT = re.compile("^(HOME|PIP_.*|SSL_CERT_.*|.*_proxy)$", re.IGNORECASE)


class Page:
    """A page, followed in a copy of the repository from the first block to the last."""

    def __init__(self, path: Path, directory: Path, stack: ExitStack) -> None:
        self.path = path
        self.directory = directory
        self.stack = stack
        self.project = copy_project(directory / "graphql-auth")
        # What the pages say, and what is free on this machine.
        self.ports = {name: str(free_port()) for name in ("4001", "4002", "27017")}
        self.printed = ""
        self.reader = Reader(self.where(), self._environment(), directory)
        stack.callback(self.reader.close)
        self.given()

    def follow(self) -> None:
        blocks = [block for block in read_blocks(self.path) if block.reason is None]
        kinds = [block.language for block in blocks]
        for block, before, after in zip(blocks, ["", *kinds], [*kinds[1:], ""], strict=False):
            try:
                self.run(block, before, after)
            except AssertionError as error:
                raise AssertionError(f"{block.place}: {error}") from error
        self.then()

    def where(self) -> Path:
        """Return the directory in which the reader pastes commands."""
        return self.project

    def given(self) -> None:
        """Start what the page takes for granted."""

    def then(self) -> None:
        """Check what the page promises."""

    def run(self, block: Block, before: str, after: str) -> None:
        source = self.translate(block.source)
        if block.language == "sh":
            self.printed = self.reader.paste(source)
            assert after in OUTPUT or not FAILED.search(self.printed), self.printed
            self.pasted()
        elif block.language in OUTPUT:
            assert before == "sh", "There is nothing to compare it with."
            assert_output(block.language, source, FAILED.sub("", self.printed))
        elif block.language == "log":
            assert re.search(pattern(source.strip(), ".*"), self.reader.output), self.reader.output
        else:
            getattr(self, f"run_{block.language}")(source)

    def pasted(self) -> None:
        """Do what the page expects of a reader after a block of commands."""

    def translate(self, source: str) -> str:
        """Replace the ports of the page by free ones."""
        return re.sub(
            "|".join(rf"\b{port}\b" for port in self.ports),
            lambda found: self.ports[found[0]],
            source,
        )

    def url(self, port: str) -> str:
        return f"http://localhost:{self.ports[port]}"

    def start_mongod(self) -> str:
        """Run a MongoDB that listens where the page says, and return its URI."""
        port = self.ports["27017"]
        data = self.directory / "mongodb"
        data.mkdir()
        command = (find_mongod(), "--dbpath", data, "--bind_ip=127.0.0.1", "--port", port)
        options = ("--nounixsocket", "--networkMessageCompressors=snappy")
        self.stack.enter_context(running(int(port), *command, *options, directory=self.directory))
        return f"mongodb://localhost:{port}"

    def node(self, script: str) -> None:
        """Run a script with the packages of the integration tests."""
        packages = self.directory / "node_modules"
        if not packages.exists():
            packages.symlink_to(HERE / "node_modules")
        file = self.directory / "script.mjs"
        file.write_text(script, encoding="utf-8")
        ended = subprocess.run(
            ["node", file], capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr

    def _environment(self) -> dict[str, str]:
        # How pip reaches its index from here.
        kept = {name: value for name, value in os.environ.items() if KEPT.search(name)}
        return kept | {
            "PATH": path_without_environment(),
            "LANG": "C.UTF-8",
            "API_PORT": self.ports["4001"],
            "UVICORN_PORT": str(free_port()),
            # Quick hashes.
            "BCRYPT_ROUNDS": "4",
        }


class ReadmePage(Page):
    def then(self) -> None:
        """Paste the requests again, and then with another password: errors are printed as such."""
        blocks = [block.source for block in read_blocks(self.path) if "ask -d" in block.source]
        register, login = map(self.translate, blocks)
        assert '"code":"EMAIL_TAKEN"' in self.reader.paste(register)
        assert "Welcome" in self.reader.paste(login)
        refused = self.reader.paste(login.replace(ADA["password"], "a forgotten password"))
        assert '"code":"INVALID_CREDENTIALS"' in refused
        assert '"reason":"TOKEN_MISSING"' in refused
        assert not FAILED.search(refused), refused


class RunningPage(Page):
    def given(self) -> None:
        self.start_mongod()
        self._is_registered = False

    def pasted(self) -> None:
        """Register the user whom the commands of the page change."""
        if not self._is_registered:
            with Client(f"{self.url('4001')}/graphql") as client:
                assert "errors" not in client.register(**ADA)
            self._is_registered = True

    def run_ini(self, source: str) -> None:
        """Serve with these settings from here on; the relay does not exist."""
        with (self.project / ".env").open("a", encoding="utf-8") as file:
            file.write(source)
        assert READY.search(self.reader.paste(".venv/bin/graphql-auth serve"))


class EmbeddedPage(Page):
    def given(self) -> None:
        """Register a user in the embedded MongoDB, and start the other one."""
        self.reader.paste(".venv/bin/graphql-auth serve")
        with Client(f"{self.url('4001')}/graphql") as client:
            assert "errors" not in client.register(**ADA)
        self.start_mongod()

    def then(self) -> None:
        with Client(f"{self.url('4001')}/graphql") as client:
            assert "errors" not in client.login(ADA["email"], ADA["password"])


class ExtendingPage(Page):
    def where(self) -> Path:
        return self.shop

    @property
    def shop(self) -> Path:
        """A directory with the files of the example, beside the clone."""
        target = self.directory / "shop"
        if not target.exists():
            shutil.copytree(self.project / "examples" / "orders", target)
        return target

    def run_python(self, source: str) -> None:
        """Blocks are parts of these files, which their own test runs."""
        files = [file.read_text(encoding="utf-8") for file in self.shop.iterdir() if file.is_file()]
        assert any(source in file for file in files), source

    run_ini = run_python


class SessionsPage(Page):
    def given(self) -> None:
        self.reader.paste(".venv/bin/graphql-auth serve")

    def run_js(self, source: str) -> None:
        """Run the refresh of an app with a keychain, twice."""
        with Client(f"{self.url('4001')}/graphql") as client:
            query = "mutation($input: RegisterInput!) { register(input: $input) { refreshToken } }"
            token = client.ask(query, {"input": ADA})["data"]["register"]["refreshToken"]
        self.node(
            f"let token = {json.dumps(token)};\n"
            "const keychain = {\n"
            "  get: async () => token,\n"
            "  set: async (next) => {\n"
            "    if (!next || next === token) throw new Error('not replaced');\n"
            "    token = next;\n"
            "  },\n"
            "};\n"
            f"for (let i = 0; i < 2; i += 1) {{\n{source}\n}}\n"
        )


def path_without_environment() -> str:
    """The PATH of somebody who has not activated a virtual environment."""
    own = str(ROOT / ".venv" / "bin")
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != own)


def copy_project(target: Path) -> Path:
    """Copy the files of the repository, with what is installed and built in it."""
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in listed.rstrip("\0").split("\0"):
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, file)
        # Older than what is installed and built from it, so that make leaves that alone.
        os.utime(file, (0, 0))
    for name in (".venv", "graphql_auth/static"):
        if (ROOT / name).exists():
            (target / name).symlink_to(ROOT / name)
    return target


def assert_output(language: str, expected: str, printed: str) -> None:
    """Compare what was printed with the page, where ``…`` is any text."""
    if language == "json":
        expected, printed = map(_compact, (expected, printed))
    assert re.fullmatch(pattern(expected.strip(), ".*?"), printed.strip(), re.DOTALL), printed


def pattern(expected: str, rest: str) -> str:
    return re.escape(expected).replace("…", rest)


def _compact(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
