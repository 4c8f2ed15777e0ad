"""Tell the console's open pages, too, whose calendars and call settings have changed."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# Not the columns by which the planner keeps its place: they change all day and are shown nowhere.
SETTINGS = "phone_number, language, quiet_from, quiet_until, daily_budget, wants_digest, allows_outside_voice"
TRIGGERS = {
    "calendar_connections": ("insert or update", "calendars"),
    "call_settings": (f"update of {SETTINGS}", "calls"),
    "call_consents": ("insert or update", "calls"),
}


def upgrade() -> None:
    for table, (change, topic) in TRIGGERS.items():
        op.execute(
            f"create trigger tell_console after {change} on {table}"
            f" for each row execute function tell_console('{topic}')"
        )


def downgrade() -> None:
    for table in TRIGGERS:
        op.execute(f"drop trigger tell_console on {table}")
