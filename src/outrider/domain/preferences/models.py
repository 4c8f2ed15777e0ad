"""What a user wants to be called for, told in the digest, or reminded of."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from outrider.core.db import Model
from outrider.domain.tables import Stamped, Tenant


class Timing(StrEnum):
    QUARTER_HOUR = "15-minutes"
    HALF_HOUR = "30-minutes"
    HOUR = "1-hour"
    TWO_HOURS = "2-hours"
    DAY = "1-day"


class Frequency(StrEnum):
    ALL = "all-meetings"
    IMPORTANT = "important-only"
    EXTERNAL = "external-only"
    INVESTORS = "investor-calls"


class Method(StrEnum):
    CALL = "call-only"
    DIGEST = "digest-only"
    BOTH = "call-and-digest"


class Preferences(Tenant, Stamped, Model):
    """`preferred_call_time` is HH:MM in the user's own time zone."""

    __tablename__ = "preferences"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    urgent_financial: Mapped[bool] = mapped_column(default=True)
    investor_updates: Mapped[bool] = mapped_column(default=True)
    customer_issues: Mapped[bool] = mapped_column(default=True)
    team_urgent: Mapped[bool] = mapped_column(default=True)
    partnership_deals: Mapped[bool] = mapped_column(default=True)
    product_launches: Mapped[bool] = mapped_column(default=False)
    meeting_reminder_timing: Mapped[Timing] = mapped_column(default=Timing.QUARTER_HOUR)
    meeting_reminder_frequency: Mapped[Frequency] = mapped_column(default=Frequency.ALL)
    meeting_reminder_method: Mapped[Method] = mapped_column(default=Method.BOTH)
    preferred_call_time: Mapped[str] = mapped_column(Text, default="08:00")
    voice_preference: Mapped[str] = mapped_column(Text, default="alloy")

    __table_args__ = (UniqueConstraint("workspace_id", "user_id"),)
