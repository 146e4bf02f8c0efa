"""docs/moving.md, followed with the tutorial's application and 67 users of its database."""

import json
from contextlib import ExitStack
from typing import Any

from pymongo import MongoClient

from tests.client import WELCOME, Client, code, extensions
from tests.docs.readers import Page
from tests.docs.tutorial_users import CANNOT_LOG_IN_HERE, DISABLED, PASSWORD, create_users
from tests.integrations.express import Express, run_express, write_express

# mongosh runs such lines one after the other.
MONGOSH = """
import mongoose from 'mongoose';
const client = await mongoose.mongo.MongoClient.connect(%s);
const collection = client.db().collection('users');
const pending = [];
const db = {
  users: {
    aggregate: (pipeline) => ({
      forEach: (each) => pending.push(collection.aggregate(pipeline).forEach(each)),
    }),
    updateOne: (...values) => pending.push(collection.updateOne(...values)),
  },
};
%s
while (pending.length) await pending.pop();
await client.close();
"""
CHANGE_PASSWORD = """
mutation($current: String!, $new: String!) {
  changePassword(input: {currentPassword: $current, newPassword: $new}) { token }
}
"""


class MovingPage(Page):
    def given(self) -> None:
        """The old server runs, and its users log in."""
        self.uri = f"{self.start_mongod()}/tutorial"
        self.mongo = self.stack.enter_context(MongoClient[dict[str, Any]](self.uri))
        self.users = self.mongo.get_default_database()["users"]
        documents = create_users()
        assert len(documents) == 67
        self.users.insert_many(documents)
        self.emails = list(dict.fromkeys(one["email"] for one in documents if one.get("email")))
        self.old_server = ExitStack()
        self.stack.enter_context(self.old_server)
        self.express = self.start_express(is_changed=False)
        self.loggable = self.who_logs_in_there()
        assert len(self.loggable) > 50

    def start_express(self, *, is_changed: bool) -> Express:
        self.old_server.close()
        application = write_express(self.directory / f"old-{is_changed}", is_changed=is_changed)
        port = int(self.ports["4001"])
        return self.old_server.enter_context(run_express(application, self.uri, port))

    def who_logs_in_there(self) -> set[str]:
        return {email for email in self.emails if self.express.login(email, PASSWORD) == 200}

    def run_js(self, source: str) -> None:
        if "module.exports" in source:
            self.express = self.start_express(is_changed=True)
            assert self.who_logs_in_there() == self.loggable
        else:
            self.node(MONGOSH % (json.dumps(self.uri), source))

    def then(self) -> None:
        with Client(f"{self.url('4002')}/graphql") as ours:
            here = {email for email in self.emails if "errors" not in ours.login(email, PASSWORD)}
            assert self.loggable ^ here == CANNOT_LOG_IN_HERE, self.loggable ^ here
            for email in CANNOT_LOG_IN_HERE - {DISABLED}:
                assert f"{email!r}: " in self.reader.output, email
            assert self.who_logs_in_there() == self.loggable
            self.users_of_one_server_are_those_of_the_other(ours)
            self.tokens_of_one_server_are_not_those_of_the_other(ours)
        self.go_back()

    def users_of_one_server_are_those_of_the_other(self, ours: Client) -> None:
        assert "errors" not in ours.register(email="new-here@example.com", password=PASSWORD)
        assert self.express.register("new-there@example.com", PASSWORD) == 201
        for email in ("new-here@example.com", "new-there@example.com"):
            assert self.express.login(email, PASSWORD) == 200
            assert "errors" not in ours.login(email, PASSWORD)
        token = ours.login("new-there@example.com", PASSWORD)["data"]["login"]["token"]
        passwords = {"current": PASSWORD, "new": "another correct horse"}
        assert "errors" not in ours.ask(CHANGE_PASSWORD, passwords, token=token)

    def tokens_of_one_server_are_not_those_of_the_other(self, ours: Client) -> None:
        answer = ours.login("ada@example.com", PASSWORD)["data"]["login"]
        assert self.express.welcome(answer["token"]) == 401
        theirs = self.express.token("ada@example.com", PASSWORD)
        refused = ours.ask(WELCOME, headers={"x-access-token": theirs})
        assert code(refused) == "UNAUTHENTICATED"
        assert extensions(refused)["reason"] == "TOKEN_INVALID"

    def go_back(self) -> None:
        self.reader.stop_servers()
        database = self.users.database
        for name in database.list_collection_names(filter={"name": {"$regex": "^graphql_auth_"}}):
            database.drop_collection(name)
        assert self.who_logs_in_there() == self.loggable
        assert self.express.login("new-here@example.com", PASSWORD) == 200
        assert self.express.login("new-there@example.com", "another correct horse") == 200
        assert self.express.login("new-there@example.com", PASSWORD) == 400
