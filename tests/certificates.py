"""Certificates of a certificate authority of the tests, made by openssl."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.pem``, and certificates of it with their keys: for this machine, and for another."""
    openssl = shutil.which("openssl")
    if openssl is None and "CI" not in os.environ:
        pytest.skip("There is no openssl; on Debian: apt-get install openssl")
    directory = tmp_path_factory.mktemp("certificates")

    def run(command: str) -> None:
        subprocess.run([str(openssl), *command.split()], cwd=directory, check=True, stderr=-3)

    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    # Python 3.13 asks for the usage of the key (RFC 5280 section 4.2.1.3).
    usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
    run(f"req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=ca -days 9 {usage}")
    for name, host in (("here", "IP:127.0.0.1"), ("there", "DNS:db.internal")):
        run(
            f"req -x509 {new} -keyout {name}.key -out {name}.crt -subj /CN={name} -days 9"
            f" -CA ca.pem -CAkey ca.key -addext subjectAltName={host}"
            " -addext keyUsage=critical,digitalSignature -addext basicConstraints=critical,CA:FALSE"
        )
        pem = (directory / f"{name}.key").read_text() + (directory / f"{name}.crt").read_text()
        (directory / f"{name}.pem").write_text(pem)
    return directory
