"""docs/deploying.md, followed on one machine: three mongods, two servers, and nginx with TLS."""

import json
import re
import subprocess
import time
from typing import Any

import httpx
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.client import Client, code, registration
from tests.docs.readers import Page
from tests.integrations.processes import free_port, run_nginx, running

MEMBERS = 3
SECONDS_FOR_A_PRIMARY = 60
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { refreshToken } }"
REFRESH = "mutation($input: RefreshTokenInput!) { refreshToken(input: $input) { token } }"
# What the blocks need of mongosh.
MONGOSH = """
import mongoose from 'mongoose';
const client = await mongoose.mongo.MongoClient.connect(%s);
const pending = [];
const rs = {
  initiate: (config) => pending.push(client.db('admin').command({ replSetInitiate: config })),
};
const passwordPrompt = () => 'PASSWORD';
const create = (database) => ({ user, ...rest }) =>
  pending.push(database.command({ createUser: user, ...rest }));
const collection = (found) => ({ deleteMany: (query) => pending.push(found.deleteMany(query)) });
const properties = (database) => ({
  get: (_, name) =>
    name === 'createUser' ? create(database) : collection(database.collection(name)),
});
let db = { getSiblingDB: (name) => new Proxy({}, properties(client.db(name))) };
%s
await Promise.all(pending);
await client.close();
"""


class DeployingPage(Page):
    def given(self) -> None:
        """Three machines have a mongod, nginx has a certificate, and a key pair signs."""
        self.members = [free_port() for _ in range(MEMBERS)]
        self.second, self.tls = free_port(), free_port()
        for port in self.members:
            data = self.directory / f"mongodb-{port}"
            data.mkdir()
            options = ("--bind_ip=127.0.0.1", "--replSet=accounts", "--oplogSize=200")
            command = (find_mongod(), "--dbpath", data, "--port", str(port), *options)
            mongod = running(port, *command, "--nounixsocket", directory=self.directory)
            self.stack.enter_context(mongod)
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "9",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-keyout",
                "privkey.pem",
                "-out",
                "fullchain.pem",
            ],
            cwd=self.directory,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        self.issuer = f"https://localhost:{self.tls}"
        settings = f"SIGNING_KEYS=signing-keys\nISSUER={self.issuer}\n"
        (self.project / ".env").write_text(settings, encoding="utf-8")
        self.reader.paste(".venv/bin/graphql-auth keys new")

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"CURL_CA_BUNDLE": str(self.directory / "fullchain.pem")}

    def translate(self, source: str) -> str:
        """Replace the machines of the page by ports of this one."""
        for number, port in enumerate(self.members, 1):
            source = source.replace(f"mongo-{number}.internal:27017", f"127.0.0.1:{port}")
        source = source.replace("10.0.0.12:4001", f"127.0.0.1:{self.second}")
        source = re.sub(r"\b(10\.0\.0\.\d+|0\.0\.0\.0)\b", "127.0.0.1", source)
        source = source.replace("listen 443 ", f"listen 127.0.0.1:{self.tls} ")
        source = source.replace("/etc/letsencrypt/live/accounts.example.com", str(self.directory))
        source = source.replace("https://accounts.example.com/", f"https://localhost:{self.tls}/")
        return super().translate(source)

    def run_js(self, source: str) -> None:
        """Run what is for mongosh on a member that takes it."""
        if "rs.initiate" in source:
            self.mongosh(self.members[0], source)
            self.primary()
            return
        if "createUser" in source:
            self.mongosh(self.primary(), source)
            return
        token = self.ask(REGISTER, registration())["data"]["register"]["refreshToken"]
        assert "errors" not in self.ask(REFRESH, {"refreshToken": token})
        self.mongosh(self.primary(), source)
        assert code(self.ask(REFRESH, {"refreshToken": token})) == "UNAUTHENTICATED"

    def mongosh(self, port: int, source: str) -> None:
        uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        self.node(MONGOSH % (json.dumps(uri), source))

    def primary(self) -> int:
        deadline = time.monotonic() + SECONDS_FOR_A_PRIMARY
        while time.monotonic() < deadline:
            for port in self.members:
                if self.is_primary(port):
                    return port
            time.sleep(0.1)
        raise AssertionError("No member is the primary.")

    def is_primary(self, port: int) -> bool:
        try:
            with MongoClient[dict[str, Any]](port=port, directConnection=True) as client:
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    def run_nginx(self, source: str) -> None:
        """Serve the rest of the page with the first block; try the second one."""
        if "upstream" in source:
            server = self.project / ".venv" / "bin" / "graphql-auth"
            listening = {"API_PORT": str(self.second)}
            start = running(
                self.second, server, "serve", "--workers", "2", directory=self.project, **listening
            )
            self.output = self.stack.enter_context(start)
            directory = self.directory / "nginx"
            directory.mkdir()
            self.stack.enter_context(run_nginx(directory, source))
            return
        port = free_port()
        with run_nginx(self.directory, f"server {{ listen 127.0.0.1:{port};\n{source} }}"):
            query = {"query": "{ __typename }"}
            url = f"http://127.0.0.1:{port}/auth"
            answer = httpx.get(f"{url}/graphql", params=query)
            keys = httpx.get(f"{url}/.well-known/jwks.json")
        assert answer.json() == {"data": {"__typename": "Query"}}
        assert len(keys.json()["keys"]) == 1

    def ask(self, query: str, values: dict[str, Any]) -> dict[str, Any]:
        with Client(f"https://localhost:{self.tls}/graphql") as client:
            return client.ask(query, {"input": values})

    def then(self) -> None:
        """Both servers get requests in turn, know the proxy, and publish their keys through it."""
        for _ in range(2):
            assert "errors" not in self.ask(REGISTER, registration())
        with httpx.Client(base_url=self.issuer, verify=False) as client:
            metadata = client.get("/.well-known/oauth-authorization-server").json()
            assert metadata["jwks_uri"] == f"{self.issuer}/.well-known/jwks.json"
            assert len(client.get(metadata["jwks_uri"]).json()["keys"]) == 1
        for output in (self.reader.output, self.output.read_text(encoding="utf-8")):
            assert "register outcome=success" in output
            assert "TRUSTED_PROXIES" not in output
