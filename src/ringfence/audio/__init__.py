"""Arithmetic on samples; no I/O."""
