"""Ringfence hears a phone call, judges it while it is spoken, and warns the right person.

    import ringfence

    ringfence.assess("pay it with a gift card and tell nobody")    # Assessment; local detector, no network
    ringfence.replay("call.jsonl")                                 # Iterator[Effect]; the live monitor, offline
    ringfence.create_app(ringfence.Settings())                     # ASGI application

Names are resolved when they are first asked for, so that importing a corner never loads the whole house.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.offline import assess, replay
    from ringfence.server import create_app
    from ringfence.settings import Settings

__version__ = "0.1.0"
__all__ = ["Settings", "__version__", "assess", "create_app", "replay"]

_HOMES = {
    "Settings": "ringfence.settings",
    "assess": "ringfence.offline",
    "create_app": "ringfence.server",
    "replay": "ringfence.offline",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ringfence' has no attribute {name!r}")
