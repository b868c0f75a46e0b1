"""What reading, placing and agents' mail need."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what threading needs."""


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
