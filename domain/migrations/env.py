"""Alembic's entry: runs the revisions on the connection that `domain.migrations.upgrade` hands over."""

from alembic import context

from domain.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
