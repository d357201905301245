"""Run by Alembic over the connection, and in the transaction, of `cloud.store.migration`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
