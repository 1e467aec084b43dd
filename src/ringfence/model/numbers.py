"""Telephone numbers as they arrive, and how much of one may be shown."""

import re
from typing import NewType

PhoneNumber = NewType("PhoneNumber", str)
"""A number in E.164 form: a plus sign and 7 to 15 digits (ITU-T E.164)."""

_E164 = re.compile(r"\+[1-9]\d{6,14}\Z")
_SEPARATORS = re.compile(r"[\s().\-]+")
WITHHELD = "anonymous"
"""What stands for the caller's number when there is none to show."""


def parse_e164(text: str) -> PhoneNumber | None:
    """The number in E.164 form, or None for withheld numbers, SIP addresses and anything else."""
    compact = _SEPARATORS.sub("", text)
    return PhoneNumber(compact) if _E164.match(compact) else None


def mask_number(text: str) -> str:
    """The number with all but its last two digits hidden, fit for a log line."""
    digits = sum(c.isdigit() for c in text)
    seen = 0
    masked = []
    for character in text:
        if character.isdigit():
            seen += 1
            masked.append(character if seen > digits - 2 else "•")
        else:
            masked.append(character)
    return "".join(masked)
