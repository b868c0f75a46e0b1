"""How alembic runs here: on the connection that `gatepost.database.migrate` passes in."""

from alembic import context
from sqlmodel import SQLModel

import gatepost.model  # noqa: F401  the tables


def run() -> None:
    """Migrate on the given connection."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
    )
    context.run_migrations()


run()
