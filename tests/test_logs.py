import asyncio
import errno
import gc
import logging
import sqlite3
from collections.abc import Iterator

import pytest

from ringfence import logs
from ringfence.model.errors import ProviderError

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("ringfence")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


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
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "builtins.ValueError"


CARD, WORDS, NUMBER, FOLDER = SAID = (
    "4111 1111 1111 1111",
    "hello this is my bank",
    "+15550142",
    "/home/maria",
)


def stumble() -> None:
    try:
        try:
            raise KeyError(CARD)
        except KeyError as error:
            raise RuntimeError(WORDS) from error
    except RuntimeError as error:
        full = OSError(errno.ENOSPC, "No space left on device", FOLDER)
        raise ExceptionGroup("two", [error, ValueError(NUMBER)]) from full


@pytest.mark.parametrize("personal_data", [False, True])
def test_an_exceptions_words_are_personal_data(
    capsys: pytest.CaptureFixture[str], personal_data: bool
) -> None:
    logs.configure(personal_data=personal_data)
    try:
        stumble()
    except ExceptionGroup:
        logging.getLogger("ringfence.room").exception("it failed")
    text = capsys.readouterr().err
    for name in (
        "ExceptionGroup",
        "KeyError",
        "RuntimeError",
        "ValueError",
        "No space left on device",
        "stumble",
    ):
        assert name in text
    assert [words in text for words in SAID] == [personal_data] * len(SAID)


def test_errors_that_quote_nobody_keep_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)
    for error in (sqlite3.OperationalError("database is locked"), ProviderError("whisper did not load")):
        logging.getLogger("ringfence.room").error("it failed", exc_info=error)
        assert str(error) in capsys.readouterr().err


def test_a_task_that_nobody_asked_is_told_without_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)

    async def fail() -> None:
        raise ValueError(CARD)

    async def forget() -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.wait({task})
        del task
        gc.collect()

    asyncio.run(forget())
    text = capsys.readouterr().err
    assert "Task exception was never retrieved" in text
    assert "builtins.ValueError" in text
    assert CARD not in text


def test_no_value_can_pretend_to_be_a_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)
    logging.getLogger("ringfence.room").warning(
        "odd", extra={"reason": "x\r\n2026 ERROR ringfence: forged\x1b[2J"}
    )
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


def test_a_socket_that_was_refused_on_purpose_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(personal_data=False)
    logging.getLogger("uvicorn.error").error("ASGI callable returned without completing handshake.")
    logging.getLogger("uvicorn.error").error("something else")
    assert [line.endswith("something else") for line in capsys.readouterr().err.splitlines()] == [True]
