"""The commands that the driver sends, and the names of those that belong to a request."""

import functools
from collections.abc import Mapping
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from graphql_auth.mongo.client import BACKGROUND


class Commands(CommandListener):
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.sent: list[Mapping[str, Any]] = []

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Listen to the clients that connect from now on."""
        connect = functools.partial(AsyncMongoClient, event_listeners=[self])
        monkeypatch.setattr("graphql_auth.mongo.client.AsyncMongoClient", connect)

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append(event.command)
        if event.command.get("comment") != BACKGROUND:
            self.seen.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing more is of interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing more is of interest."""
