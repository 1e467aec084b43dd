"""Column types that mean the same on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from ringfence.columns import Instant

pytestmark = pytest.mark.unit

DIALECTS: list[Dialect] = [sqlite.dialect(), postgresql.dialect()]  # type: ignore[no-untyped-call]
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-4)), timezone(timedelta(hours=5, minutes=30))])
INSTANTS = st.datetimes(timezones=ZONES).filter(lambda instant: 1 < instant.year < 9999)


@given(INSTANTS)
def test_an_instant_comes_back_in_utc(instant: datetime) -> None:
    for dialect in DIALECTS:
        kept = Instant().process_bind_param(instant, dialect)
        back = Instant().process_result_value(kept, dialect)
        assert back == instant
        assert back is not None
        assert back.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    for dialect in DIALECTS:
        with pytest.raises(ValueError, match="time zone"):
            Instant().process_bind_param(datetime(2026, 1, 1), dialect)  # noqa: DTZ001


def test_nothing_stays_nothing() -> None:
    for dialect in DIALECTS:
        assert Instant().process_bind_param(None, dialect) is None
        assert Instant().process_result_value(None, dialect) is None
