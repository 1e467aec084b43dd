"""Calls in, calls out."""
