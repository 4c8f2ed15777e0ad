"""Alembic's environment: runs on the connection that `outrider.core.migrations` hands over."""

from alembic import context

from outrider.core.db import Model
from outrider.domain import all_models

all_models.load()
connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Model.metadata, compare_type=True)
context.run_migrations()
