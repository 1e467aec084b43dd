"""LLM advisers: one file each."""
