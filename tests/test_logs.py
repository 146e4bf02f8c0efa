import ast
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth import security_log
from graphql_auth.client_info import ClientInfo
from graphql_auth.logs import (
    REQUEST_ID,
    TRACE_ID,
    JsonFormatter,
    LineFormatter,
    describe_exception,
    escape_invisible,
)


def formatted(
    message: str,
    *arguments: object,
    error: BaseException | None = None,
    logger: str = "graphql_auth.test",
    formatter: type[logging.Formatter] = LineFormatter,
) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(logger, logging.INFO, __file__, 1, message, arguments, info)
    record.created = 1_800_000_000.25
    return formatter().format(record)


def test_line_has_utc_time_level_logger_and_message() -> None:
    assert (
        formatted("hello %s", "Ada") == "2027-01-15T08:00:00.250Z INFO graphql_auth.test: hello Ada"
    )


@pytest.fixture
def request_id() -> Iterator[str]:
    token = REQUEST_ID.set("abc")
    yield "abc"
    REQUEST_ID.reset(token)


@pytest.fixture
def trace_id() -> Iterator[str]:
    token = TRACE_ID.set("4bf92f3577b34da6a3ce929d0e0e4736")
    yield "4bf92f3577b34da6a3ce929d0e0e4736"
    TRACE_ID.reset(token)


def test_line_during_a_request_has_its_id(request_id: str) -> None:
    assert formatted("hello").endswith(f" graphql_auth.test: request {request_id}: hello")


def test_line_of_a_traced_request_has_the_id_of_the_trace(request_id: str, trace_id: str) -> None:
    assert formatted("hello").endswith(f": request {request_id}: trace {trace_id}: hello")


def test_json_has_the_same_as_the_line(request_id: str, trace_id: str) -> None:
    assert json.loads(formatted("hello %s", "Ada", formatter=JsonFormatter)) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "INFO",
        "logger": "graphql_auth.test",
        "request_id": request_id,
        "trace_id": trace_id,
        "message": "hello Ada",
    }


@given(st.text(st.characters()))
def test_json_of_any_text_is_one_printable_line(text: str) -> None:
    line = formatted("%s", text, formatter=JsonFormatter)

    assert line.isprintable()
    assert json.loads(line)["message"] == text


def test_json_of_another_logger_keeps_its_fields_out() -> None:
    record = logging.makeLogRecord({"name": "app", "msg": "hello", "fields": {"time": {1, 2}}})

    assert json.loads(JsonFormatter().format(record))["message"] == "hello"


@pytest.mark.parametrize("user", ["64f0c0ffee0123456789abcd", None])
def test_json_of_a_security_event_has_its_fields(
    user: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    security_log.record("login", "failure", user, ClientInfo("127.0.0.1", "curl"))

    (record,) = caplog.records
    values = json.loads(JsonFormatter().format(record))

    assert values["message"] == f"login outcome=failure user={user or '-'} address=127.0.0.1"
    fields = {name: values.get(name) for name in ("event", "outcome", "user", "address")}
    assert fields == {
        "event": "login",
        "outcome": "failure",
        "user": user,
        "address": "127.0.0.1",
    }


@pytest.mark.parametrize(
    "forger",
    [
        *"\n\r\x1b\x85\0\u2028\u2029\ud800",
        *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        *"\u00ad\u200b\u2060\ufeff\U000e0041\uffff",
    ],
)
def test_characters_that_forge_lines_are_escaped(forger: str) -> None:
    line = formatted("%s", f"a{forger}b")

    assert forger not in line
    assert "\\" in line


@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = escape_invisible(text)

    assert len(line.splitlines()) <= 1
    line.encode()


def failing() -> None:
    try:
        dict[str, str]()["hunter2"]
    except LookupError as error:
        raise ValueError("hunter2") from error


def test_exception_is_logged_without_its_message() -> None:
    with pytest.raises(ValueError, match="hunter2") as raised:
        failing()

    line = formatted("failed", error=raised.value)
    error = json.loads(formatted("failed", error=raised.value, formatter=JsonFormatter))["error"]

    assert line.endswith(f"failed ({error})")
    assert "builtins.ValueError at " in line
    assert "; from builtins.KeyError at " in line
    assert "test_logs.py:" in line
    assert " failing < " in line
    assert "hunter2" not in line


@pytest.mark.parametrize("first", ["Traceback (most recent call last):", "Stack trace", "", "x"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028"])
def test_message_of_a_library_is_cut_after_one_line(first: str, end: str) -> None:
    line = formatted(f"{first}{end}  hunter2{end}", logger="uvicorn.error")

    assert line.endswith(f": {first} (more lines are left out)")


def test_one_line_message_of_a_library_is_kept() -> None:
    assert formatted("hello", logger="uvicorn.error").endswith(" uvicorn.error: hello")
    assert formatted("", logger="uvicorn.error").endswith(" uvicorn.error: ")


def test_caller_of_a_library_is_named_behind_any_number_of_its_frames() -> None:
    with pytest.raises(ValueError, match="malformed") as error:
        ast.literal_eval("[" * 9 + "x" + "]" * 9)

    said = describe_exception(error.value)
    assert said.startswith("builtins.ValueError at ")
    assert said.count(" < ") == 6
    assert "test_logs.py" in said.rpartition(" < ")[2]


def test_exception_that_was_not_raised_has_no_frame() -> None:
    assert describe_exception(ValueError()) == "builtins.ValueError at no frame"
