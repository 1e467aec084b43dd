"""What must be true of every table of calls."""

import pytest

from ringfence.columns import Instant
from ringfence.telephony.tables import metadata

pytestmark = pytest.mark.unit


def test_erasing_a_call_takes_with_it_whatever_hangs_on_it() -> None:
    for table in metadata.sorted_tables:
        if table.name in ("calls", "claims"):
            continue
        (key,) = table.foreign_keys
        assert (key.target_fullname, key.ondelete) == ("calls.id", "CASCADE"), table.name
        assert not table.c.call_id.nullable


def test_every_instant_knows_its_zone() -> None:
    for table in metadata.sorted_tables:
        for column in table.c:
            if column.name.endswith("_at"):
                assert isinstance(column.type, Instant), f"{table.name}.{column.name}"


def test_phone_numbers_have_no_column_of_their_own() -> None:
    for table in metadata.sorted_tables:
        for column in table.c:
            assert "number" not in column.name or column.name.endswith(("_sealed", "_index")), column.name
