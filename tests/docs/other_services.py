"""The page on other services, with a service on port 8000 that Envoy and nginx protect."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.client import Client
from tests.docs.readers import ADA, Page
from tests.docs.terminals import READY
from tests.integrations.processes import HERE, free_port, run_nginx, running
from tests.integrations.verifiers import EXAMPLE, RefusedError, run_node, run_python
from tests.tokens.forgery import Material, read_cases
from tests.tokens.keys import ALGORITHMS, Key, new_key, set_age

ENVOY = HERE / ".venv-envoy" / "envoy" / "_bin" / "envoy"
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { token user { id } } }"
LOGIN = "mutation($input: LoginInput!) { login(input: $input) { token } }"
CREDENTIALS = {"email": ADA["email"], "password": ADA["password"]}
UNKNOWN = "0" * 24
AN_HOUR = 3600


class Orders(BaseHTTPRequestHandler):
    """A service that trusts the header of the proxy before it."""

    def do_GET(self) -> None:
        body = json.dumps(self.headers.get_all("x-user-id")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class OtherServicesPage(Page):
    def given(self) -> None:
        """The service runs."""
        orders = ThreadingHTTPServer(("127.0.0.1", 0), Orders)
        threading.Thread(target=orders.serve_forever, daemon=True).start()
        self.stack.callback(orders.server_close)
        self.stack.callback(orders.shutdown)
        self.ports |= {"8000": str(orders.server_port), "8080": str(free_port())}
        self.subject = ""

    def translate(self, source: str) -> str:
        if "keys retire" in source:
            # The hour of step 2 passes.
            for file in (self.project / "signing-keys").glob("*.pem"):
                set_age(file, time.time() - file.stat().st_mtime + AN_HOUR)
        return super().translate(source.replace(EXAMPLE, "http://localhost:4001"))

    def pasted(self) -> None:
        """Register, once the server runs, and look what the token says."""
        if self.subject or not READY.search(self.printed):
            return
        done = self.ask(REGISTER, ADA)["register"]
        claims = json.loads(decode(done["token"].split(".")[1]))
        self.subject = claims["sub"]
        assert decode(done["user"]["id"]) == f"User:{self.subject}".encode()
        assert claims["iss"] == self.url("4001")
        assert claims.keys() == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}

    def run_ini(self, source: str) -> None:
        with (self.project / ".env").open("a", encoding="utf-8") as file:
            file.write(source)

    def run_python(self, source: str) -> None:
        if "GraphQLAuth" in source:
            (self.project / "accounts.py").write_text(source, encoding="utf-8")
        else:
            self.check_verifier(run_python(source))

    def run_js(self, source: str) -> None:
        with run_node(source, self.directory) as verify:
            self.check_verifier(verify)

    def check_verifier(self, verify: Callable[[str], dict[str, Any]]) -> None:
        """A recipe takes our tokens, also after a logout, and none of another key."""
        token = self.ask(LOGIN, CREDENTIALS)["login"]["token"]
        assert verify(token)["sub"] == self.subject
        for forged in self.forge(token):
            try:
                claims = verify(forged)
            except RefusedError:
                continue
            raise AssertionError(f"It accepts {claims}.")
        self.log_out(token)
        assert verify(token)["sub"] == self.subject

    def forge(self, token: str) -> list[str]:
        """Return tokens that are refused wherever the signature, issuer and times are checked."""
        keys = {name: new_key(name) for name in ALGORITHMS}
        (file,) = (self.project / "signing-keys").glob("*.pem")
        private = load_pem_private_key(file.read_bytes(), None)
        material = Material("ES256", keys | {"ES256": Key(private)}, {"ES256": token})  # type: ignore[arg-type]
        cases = [
            case
            for case in read_cases()
            if case.name.startswith(("keys: ", "claims: an expiry that has passed"))
            and case.is_for("ES256")
            and case.values.get("algorithm", "ES256") == "ES256"
        ]
        assert len(cases) > 50
        return [case.build(material) for case in cases]

    def then(self) -> None:
        """Run Envoy."""
        source = (self.project / "examples" / "envoy.yaml").read_text(encoding="utf-8")
        file = self.directory / "envoy.yaml"
        file.write_text(self.translate(source), encoding="utf-8")
        port = self.ports["8080"]
        command = (ENVOY, "--config-path", file, "--disable-hot-restart", "--concurrency", "1")
        with running(int(port), *command, directory=self.directory):
            self.check_proxy(port, sees_logout=False)

    def run_nginx(self, source: str) -> None:
        port = str(free_port())
        with run_nginx(self.directory, f"server {{ listen 127.0.0.1:{port};\n{source} }}"):
            self.check_proxy(port, sees_logout=True)
            response = httpx.get(f"http://127.0.0.1:{port}/check")
            assert response.status_code == 404

    def check_proxy(self, port: str, *, sees_logout: bool) -> None:
        """Only a good token leads to the service, which gets no other id of a user."""
        url = f"http://127.0.0.1:{port}/"
        token = self.ask(LOGIN, CREDENTIALS)["login"]["token"]

        def get(token: str) -> httpx.Response:
            headers = {"X-User-Id": UNKNOWN} | ({"Authorization": token} if token else {})
            return httpx.get(url, headers=headers)

        assert get("").status_code == 401
        forged_tokens = self.forge(token)
        # Envoy allows a second of clock skew.
        time.sleep(2)
        for forged in forged_tokens:
            assert get(f"Bearer {forged}").status_code == 401
        assert get(f"Bearer {token}").json() == [self.subject]
        self.log_out(token)
        time.sleep(1)
        assert get(f"Bearer {token}").status_code == (401 if sees_logout else 200)

    def log_out(self, token: str) -> None:
        with Client(f"{self.url('4001')}/graphql") as client:
            assert client.ask("mutation { logout }", token=token)["data"]["logout"]

    def ask(self, query: str, values: dict[str, Any]) -> dict[str, Any]:
        with Client(f"{self.url('4001')}/graphql") as client:
            answer = client.ask(query, {"input": values})
        assert "errors" not in answer, answer
        return dict(answer["data"])


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
