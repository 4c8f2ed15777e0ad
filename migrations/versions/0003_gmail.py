"""Mailboxes that sign in with OAuth."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing yet."""
