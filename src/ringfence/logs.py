"""How the program writes its log: one line an entry, on standard error, facts behind the static message.

Keys that begin with `pii.` (words, numbers, names) are dropped unless the operator lets them in. So are the words of
exceptions, which may quote what they stumbled over: a database quotes rows, a parser its input, a client an address
with its token. Their types and where they came from are always told.
"""

import logging
import re
import sqlite3
import traceback
from copy import copy
from logging import Formatter, LogRecord
from types import TracebackType

from ringfence.model.errors import ConfigurationError, Conflict, NotFound, ProviderError, WireFormatError

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_QUOTES_NOBODY = (ConfigurationError, Conflict, NotFound, ProviderError, WireFormatError, sqlite3.Error)
"""Exceptions whose words are our own, or which name tables and files but never what stands in them."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class FactsFormatter(Formatter):
    """`time LEVEL logger: message key=value …`"""

    def __init__(self, *, personal_data: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._personal_data = personal_data

    def format(self, record: LogRecord) -> str:
        facts = {
            key: value
            for key, value in vars(record).items()
            if key not in _STANDARD and (self._personal_data or not key.startswith("pii."))
        }
        if record.name == "asyncio" and not self._personal_data:
            # Its further lines show tasks, with their exceptions and what these say.
            record = copy(record)
            record.msg, record.args = record.getMessage().partition("\n")[0], None
        first, newline, rest = super().format(record).partition("\n")
        told = (f"{key}={_UNPRINTABLE.sub(' ', str(value))}" for key, value in facts.items())
        return " ".join([first, *told]) + newline + rest

    def formatException(  # noqa: N802 - the standard library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        if self._personal_data or ei[1] is None:
            return super().formatException(ei)
        return "\n".join(_told(ei[1], set()))


def _told(error: BaseException, known: set[int]) -> list[str]:
    """The error and those that led to it, without words that may be somebody's."""
    known.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = []
    if earlier is not None and id(earlier) not in known:
        lines += [*_told(earlier, known), "", "which led to:", ""]
    lines.append("Traceback (most recent call last):")
    lines += [line.rstrip("\n") for line in traceback.format_tb(error.__traceback__)]
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}{_words(error)}")
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            lines += ["", "one of them:", "", *_told(part, known)]
    return lines


def _words(error: BaseException) -> str:
    if isinstance(error, _QUOTES_NOBODY):
        return f": {_UNPRINTABLE.sub(' ', str(error))}"
    if isinstance(error, OSError) and error.strerror:
        return f": {error.strerror}"
    return ""


def _is_no_refused_socket(record: LogRecord) -> bool:
    """Uvicorn calls it an error when a socket is refused with an HTTP answer; that is what we meant to do."""
    return "without completing handshake" not in str(record.msg)


def configure(*, personal_data: bool, level: int = logging.INFO) -> None:
    """Once, at the start of a program that serves."""
    handler = logging.StreamHandler()
    handler.setFormatter(FactsFormatter(personal_data=personal_data))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ringfence").setLevel(level)
    logging.getLogger("uvicorn.error").addFilter(_is_no_refused_socket)
