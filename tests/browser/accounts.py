"""The life of an account in the example apps, in a real browser, with the mail of `serve --dev`."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from graphql_auth.embedded_mongo.mongod import URI_FILE
from tests.browser.examples import build, play_in_app
from tests.browser.stage import free_ports
from tests.conftest import Start
from tests.process import ServerProcess


@pytest.mark.parametrize("name", ["apollo", "relay"])
def test_user_signs_up_resets_changes_and_deletes_by_mailed_links(
    name: str, start_embedded: Start, tmp_path: Path
) -> None:
    page_port, server_port = free_ports(2)
    page = f"http://localhost:{page_port}/"

    def start_server(**settings: str) -> ServerProcess:
        return start_embedded("--dev", "--port", server_port, APP_URL=page, **settings)

    server = start_server(SIGN_IN_LINKS="on")
    read: Counter[str] = Counter()

    def answer(line: str) -> str | None:
        nonlocal server
        if line == "close the registration":
            server.stop()
            server = start_server(REGISTRATION="closed")
            return "done"
        if line.startswith("remove the password of "):
            remove_password(tmp_path / "graphql-auth-data", line.rsplit(maxsplit=1)[-1])
            return "done"
        if not line.startswith("mail "):
            return None
        read[line] += 1
        _, kind, email = line.split()
        return find_link(server, f"{page}#{kind}=", email, read[line])

    app = build(name, tmp_path / "build", page_port, server_port)
    play_in_app("accounts.js", app, answer)


def remove_password(data: Path, email: str) -> None:
    """Make a user one of those who sign in by links alone."""
    uri = (data / URI_FILE).read_text(encoding="utf-8")
    with MongoClient[dict[str, Any]](uri) as client:
        users = client.get_default_database()["users"]
        assert users.update_one({"email": email}, {"$set": {"password": ""}}).modified_count == 1


def find_link(server: ServerProcess, start: str, email: str, number: int) -> str:
    """Wait until the server has printed so many mails with such a link; return the last one."""
    mail = rf"(?s:.*?)Mail to {re.escape(email)}: .*\n(?:  .*\n)*?  {re.escape(start)}\S+"
    return server.wait_for_output(f"(?:{mail}){{{number}}}").split()[-1]
