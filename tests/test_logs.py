import logging
from collections.abc import Iterator

import pytest

from ringfence import logs

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


def written(capsys: pytest.CaptureFixture[str], *, personal_data: bool) -> str:
    logs.configure(personal_data=personal_data)
    logging.getLogger("ringfence.room").info("a call is heard", extra={"call_id": "c1", "pii.words": "hello"})
    return capsys.readouterr().err


def test_facts_stand_behind_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, personal_data=False).endswith("INFO ringfence.room: a call is heard call_id=c1\n")


def test_personal_data_is_written_only_where_it_is_let_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert "hello" not in written(capsys, personal_data=False)
    assert "pii.words=hello" in written(capsys, personal_data=True)


def test_a_stack_trace_stays_below_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)
    try:
        raise ValueError("bad")
    except ValueError:
        logging.getLogger("ringfence.room").exception("it failed", extra={"call_id": "c1"})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("it failed call_id=c1")
    assert lines[-1] == "ValueError: bad"


def test_a_socket_that_was_refused_on_purpose_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)
    logging.getLogger("uvicorn.error").error("ASGI callable returned without completing handshake.")
    logging.getLogger("uvicorn.error").error("something else")
    assert [line.endswith("something else") for line in capsys.readouterr().err.splitlines()] == [True]
