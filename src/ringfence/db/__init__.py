"""The database under every store."""
