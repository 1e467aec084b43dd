"""Arithmetic on samples; no I/O. Read `g711`, then `resample`, then `levels`."""
