"""The services of docs/other-services.md that verify tokens: PyJWT, joserfc and jose."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.docs.blocks import read_blocks
from tests.integrations.processes import HERE
from tests.process import ROOT

PAGE = ROOT / "docs" / "other-services.md"
EXAMPLE = "https://accounts.example.com"
DRIVER = """
import { createInterface } from 'node:readline';
import { verify } from './verify.mjs';

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await verify(JSON.parse(line)).then(
    (claims) => ({ claims }),
    (error) => ({ error: error.name }),
  );
  console.log(JSON.stringify(answer));
}
"""

Claims = dict[str, Any]
Verify = Callable[[str], Claims]


class RefusedError(Exception):
    """A verifier did not accept a token, and says why."""


@contextmanager
def run_verifiers(
    issuer: str, directory: Path, changes: Mapping[str, str] | None = None
) -> Iterator[dict[str, Verify]]:
    """Run the three recipes of the page, with another issuer and other changes of the text."""
    with ExitStack() as stack:
        found: dict[str, Verify] = {}
        for block in read_blocks(PAGE):
            source = block.source
            for old, new in {EXAMPLE: issuer, **(changes or {})}.items():
                source = source.replace(old, new)
            if block.language == "js":
                found["jose"] = stack.enter_context(run_node(source, directory))
            elif "joserfc" in source:
                found["joserfc"] = run_python(source)
            elif "PyJWKClient" in source:
                found["PyJWT"] = run_python(source)
        yield found


def run_python(source: str) -> Verify:
    names: dict[str, Any] = {}
    exec(compile(source, PAGE.name, "exec"), names)

    def verify(token: str) -> Claims:
        try:
            return dict(names["verify"](token))
        except Exception as error:
            raise RefusedError(type(error).__name__) from error

    return verify


@contextmanager
def run_node(source: str, directory: Path) -> Iterator[Verify]:
    (directory / "node_modules").symlink_to(HERE / "node_modules")
    (directory / "verify.mjs").write_text(source, encoding="utf-8")
    (directory / "driver.mjs").write_text(DRIVER, encoding="utf-8")
    lock = threading.Lock()
    with subprocess.Popen(
        ["node", directory / "driver.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:

        def verify(token: str) -> Claims:
            assert process.stdin is not None
            assert process.stdout is not None
            with lock:
                process.stdin.write(json.dumps(token) + "\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
            if "error" in answer:
                raise RefusedError(answer["error"])
            return dict(answer["claims"])

        try:
            yield verify
        finally:
            process.terminate()
