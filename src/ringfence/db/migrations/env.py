"""Alembic runs this file; the connection, its lock and its transaction come from `ringfence.db.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
context.run_migrations()
