"""How the program writes its log: one line an entry, on standard error, facts behind the static message.

Keys that begin with `pii.` (words, numbers, names) are dropped unless the operator lets them in.
"""

import logging
from logging import Formatter, LogRecord

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


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
        first, newline, rest = super().format(record).partition("\n")
        return " ".join([first, *(f"{key}={value}" for key, value in facts.items())]) + newline + rest


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
