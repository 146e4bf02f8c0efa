import time
from datetime import UTC, datetime, timedelta

import pytest

from graphql_auth.errors import Unavailable
from graphql_auth.mongo.clock import DatabaseClock, in_utc

HOUR = timedelta(hours=1)


def test_time_is_unknown_before_the_first_reading() -> None:
    with pytest.raises(Unavailable):
        DatabaseClock()()


def test_clock_follows_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic = 1000.0
    clock = DatabaseClock(lambda: monotonic)
    database_time = datetime.now(UTC)
    clock.set(database_time, asked_at=1000.0)

    monotonic += 60
    monkeypatch.setattr(time, "time", lambda: 0.0)

    assert in_utc(clock)() == database_time + timedelta(minutes=1)


def test_delay_of_a_reading_counts_by_half() -> None:
    monotonic = 1004.0
    clock = DatabaseClock(lambda: monotonic)
    clock.set(datetime.fromtimestamp(5000, UTC), asked_at=1000.0)

    assert clock() == 5002


@pytest.mark.parametrize(
    ("difference", "warnings"), [(timedelta(seconds=1), 0), (HOUR, 1), (-HOUR, 1)]
)
def test_difference_to_the_machine_is_logged_once(
    caplog: pytest.LogCaptureFixture, difference: timedelta, warnings: int
) -> None:
    clock = DatabaseClock()
    for _ in range(3):
        clock.set(datetime.now(UTC) - difference, time.monotonic())

    assert len(caplog.records) == warnings
    for record in caplog.records:
        assert f"{difference.total_seconds():+.0f}"[:4] in record.getMessage()
