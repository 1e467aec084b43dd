"""Our own errors, few: builtins serve for misuse.

ConfigurationError      a setting is wrong or missing; the sentence names it and the remedy
WireFormatError         bytes from outside that do not say what they should
ProviderError           a plug-in failed; `retryable` says whether trying again can help
NotFound, Conflict      about things in the store
"""


class ConfigurationError(Exception):
    """A setting is wrong or missing for what was asked. The message names it and says the remedy."""


class WireFormatError(ValueError):
    """A message from outside that cannot be read."""


class ProviderError(Exception):
    """A provider (engine, analyst, carrier, channel) failed."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class NotFound(LookupError):
    """There is no such thing, or it is not the asker's."""


class Conflict(Exception):
    """What was asked contradicts what is so."""
