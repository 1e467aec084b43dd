"""Shipped test tools: a carrier that exists only here, calls of our own making, and playbooks.

Read in this order: `network` (the simulated carrier), `twiml` (how it obeys), `script` and `wav` (what is said
on its lines), `playbook` (a call's judgement tested as a script). What may be imported from here is in `__all__`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.testing.clock import ManualClock
    from ringfence.testing.network import Faults, PlacedCall, SimulatedCall, SimulatedCarrier
    from ringfence.testing.playbook import Playbook
    from ringfence.testing.script import CallScript, load_script, sample_names
    from ringfence.testing.wav import read_wav

__all__ = [
    "CallScript",
    "Faults",
    "ManualClock",
    "PlacedCall",
    "Playbook",
    "SimulatedCall",
    "SimulatedCarrier",
    "load_script",
    "read_wav",
    "sample_names",
]

_HOMES = {
    "CallScript": "script",
    "Faults": "network",
    "ManualClock": "clock",
    "PlacedCall": "network",
    "Playbook": "playbook",
    "SimulatedCall": "network",
    "SimulatedCarrier": "network",
    "load_script": "script",
    "read_wav": "wav",
    "sample_names": "script",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for, and only that: a playbook needs no HTTP client."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
