import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from graphql_auth.mongo.client import COMMAND_TIMEOUT
from graphql_auth.mongo.outages import SETTLE_TIME, OutageLog, describe_error

TIMEOUT = NetworkTimeout("mongodb.internal:27017: timed out")


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outages(clock: Clock) -> OutageLog:
    return OutageLog(clock)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    def logged() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    return logged


Lines = Callable[[], list[str]]


def test_outage_is_logged_at_start_every_10_s_and_at_end(
    outages: OutageLog, clock: Clock, lines: Lines
) -> None:
    for _ in range(100):
        outages.record_failure(TIMEOUT, writing=False)
        clock.time += 0.25
    assert lines() == [
        "MongoDB does not answer (NetworkTimeout, timed out)",
        "MongoDB has not answered for 10 s (failed commands: 41)",
        "MongoDB has not answered for 20 s (failed commands: 81)",
    ]

    for _ in range(40):
        outages.record_success(writing=False)
        clock.time += 0.25
    assert lines() == ["MongoDB answers again after 25 s (failed commands: 100)"]


def test_write_timeout_while_reads_succeed_means_no_majority(
    outages: OutageLog, lines: Lines
) -> None:
    outages.record_success(writing=False)
    outages.record_failure(TIMEOUT, writing=True)

    assert lines() == ["MongoDB does not answer (no majority acknowledges writes)"]


def test_second_outage_is_logged_like_the_first(
    outages: OutageLog, clock: Clock, lines: Lines
) -> None:
    for _ in range(2):
        outages.record_failure(TIMEOUT, writing=False)
        outages.record_success(writing=False)
        clock.time += SETTLE_TIME
        outages.record_success(writing=False)

        assert lines() == [
            "MongoDB does not answer (NetworkTimeout, timed out)",
            "MongoDB answers again after 0 s (failed commands: 1)",
        ]


def test_command_that_fails_late_does_not_begin_a_second_outage(
    outages: OutageLog, clock: Clock, lines: Lines
) -> None:
    outages.record_failure(TIMEOUT, writing=False)
    outages.record_success(writing=False)
    clock.time += COMMAND_TIMEOUT - 0.1
    outages.record_success(writing=False)
    outages.record_failure(TIMEOUT, writing=False)

    assert lines() == ["MongoDB does not answer (NetworkTimeout, timed out)"]


def test_reads_do_not_end_an_outage_of_writes(
    outages: OutageLog, clock: Clock, lines: Lines
) -> None:
    for _ in range(5):
        outages.record_failure(TIMEOUT, writing=True)
        for _ in range(80):
            outages.record_success(writing=False)
            clock.time += 0.25
    assert not any("again" in line for line in lines())

    outages.record_success(writing=True)
    clock.time += SETTLE_TIME
    outages.record_success(writing=False)
    assert lines() == ["MongoDB answers again after 100 s (failed commands: 5)"]


def test_refused_command_is_no_outage_and_logged_once_a_minute(
    outages: OutageLog, clock: Clock, lines: Lines
) -> None:
    details = {"codeName": "DocumentValidationFailure", "errmsg": "hunter2"}
    for _ in range(61):
        outages.record_failure(OperationFailure("hunter2", 121, details), writing=True)
        clock.time += 1
    outages.record_success(writing=False)

    line = "MongoDB refuses a command (OperationFailure, DocumentValidationFailure)"
    assert lines() == [line, line]


def test_reset_forgets_the_outage(
    outages: OutageLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outages.record_failure(TIMEOUT, writing=False)
    caplog.clear()

    outages.reset()
    outages.record_success(writing=False)
    clock.time += 100
    outages.record_success(writing=False)

    assert caplog.record_tuples == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AutoReconnect("h:1: [Errno 111] Connection refused"), "AutoReconnect, connection refused"),
        (
            ServerSelectionTimeoutError("No primary available for writes, Timeout: 4.0s"),
            "ServerSelectionTimeoutError, no primary",
        ),
        (AutoReconnect("connection closed"), "AutoReconnect, connection closed"),
        (
            WTimeoutError("waiting for replication timed out"),
            "WTimeoutError, no majority acknowledges writes",
        ),
        (ExecutionTimeout("operation exceeded time limit"), "ExecutionTimeout"),
        (OperationFailure("x", 13), "OperationFailure, 13"),
        (
            DuplicateKeyError("x", 11000, {"keyPattern": {"username": 1}}),
            "DuplicateKeyError, 11000 on username",
        ),
    ],
)
def test_reason_is_a_class_and_a_cause(error: PyMongoError, reason: str) -> None:
    assert describe_error(error) == reason


@given(st.text(min_size=1))
def test_reason_never_repeats_a_message(text: str) -> None:
    secret = f"hunter2{text}"

    for error in (AutoReconnect(secret), OperationFailure(secret, 1, {"errmsg": secret})):
        assert "hunter2" not in describe_error(error)


def test_levels_survive_the_level_warning(
    outages: OutageLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outages.record_failure(TIMEOUT, writing=False)
    outages.record_success(writing=False)
    clock.time += SETTLE_TIME
    outages.record_success(writing=False)

    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
