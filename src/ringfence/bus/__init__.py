"""Finished facts for whoever looks on."""
