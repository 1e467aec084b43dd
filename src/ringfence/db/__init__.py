"""The database under every store: one that fits in a file, or a server to scale out.

Read in this order: `engine` (opens it), `migrate` (brings its schema up to date), `migrations/versions`.
The SQL itself stands in the stores, next to what uses it.
"""
