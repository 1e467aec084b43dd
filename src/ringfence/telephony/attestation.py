"""Carriers' verification strings -> `Attestation`.

Twilio's `StirVerstat` ("Trusted Calling with SHAKEN/STIR") is `TN-Validation-Passed-A`, `-B` or `-C`,
`TN-Validation-Failed` with or without a letter, `No-TN-Validation` or `NULL`. A lettered form may end in
`-Diverted` (the carrier that forwarded the call was verified) or `-Passthrough`. Others send the bare letter.
"""

import re

from ringfence.model.calls import Attestation

_PASSED = re.compile(r"(?:TN-Validation-Passed-)?([ABC])(?:-Diverted|-Passthrough)?", re.IGNORECASE)
_FAILED = re.compile(r"TN-Validation-Failed(?:-[ABC])?(?:-Diverted|-Passthrough)?", re.IGNORECASE)


def read_attestation(verstat: str | None) -> Attestation:
    """What is vouched for. A value nobody told us of vouches for nothing."""
    text = (verstat or "").strip()
    if match := _PASSED.fullmatch(text):
        return Attestation(match[1].upper())
    if _FAILED.fullmatch(text):
        return Attestation.FAILED
    return Attestation.ABSENT
