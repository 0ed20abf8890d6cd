"""Run by Alembic, not imported: the steps run in the transaction of the connection that `upgrade` handed over."""

from alembic import context

# The transaction is the caller's, so that a step that breaks off leaves the older schema whole.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
