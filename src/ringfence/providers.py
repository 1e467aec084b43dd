"""Find a provider by the name of its file, or by an installed package's entry point.

Adding the engine *acme* is adding `speech/engines/acme.py` with a `create` function; a third party's
package declares an entry point `acme` in the group `ringfence.speech_engine` and needs nothing from us.
A provider's module is imported only when it is chosen, so its SDK can be an optional extra.
"""

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

from ringfence.model.errors import ConfigurationError

HOMES = {
    "carrier": "ringfence.telephony.carriers",
    "speech_engine": "ringfence.speech.engines",
    "analyst": "ringfence.detection.analysts",
}
"""Kind of provider -> the package that holds one file for each of ours."""


def names(kind: str) -> tuple[str, ...]:
    """Every provider of that kind that can be chosen, as it is written in the settings."""
    ours = (module.name for module in pkgutil.iter_modules(import_module(HOMES[kind]).__path__))
    others = (point.name for point in entry_points(group=f"ringfence.{kind}"))
    return tuple(sorted({name.replace("_", "-") for name in (*ours, *others)}))


def load(kind: str, name: str) -> ModuleType:
    """The provider's module. Raises ConfigurationError when there is none of that name."""
    file_name = name.replace("-", "_")
    if any(module.name == file_name for module in pkgutil.iter_modules(import_module(HOMES[kind]).__path__)):
        return import_module(f"{HOMES[kind]}.{file_name}")
    for point in entry_points(group=f"ringfence.{kind}"):
        if point.name == name:
            module = point.load()
            if isinstance(module, ModuleType):
                return module
    known = ", ".join(names(kind))
    raise ConfigurationError(f"there is no {kind.replace('_', ' ')} named '{name}'; known are: {known}")
