"""Ringfence: hears a phone call, judges it while it is spoken, and warns the right person."""

__version__ = "0.1.0"
