"""What mail can be about, and which preference is about that."""

from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    FINANCIAL = "financial"
    INVESTOR = "investor"
    CUSTOMER = "customer"
    TEAM = "team"
    MEETING = "meeting"
    PARTNERSHIP = "partnership"
    PRODUCT_LAUNCH = "product_launch"
    PROMOTION = "promotion"
    OTHER = "other"


PREFERENCE_OF: Final = {
    Topic.FINANCIAL: "urgent_financial",
    Topic.INVESTOR: "investor_updates",
    Topic.CUSTOMER: "customer_issues",
    Topic.TEAM: "team_urgent",
    Topic.PARTNERSHIP: "partnership_deals",
    Topic.PRODUCT_LAUNCH: "product_launches",
}
# What is told in the digest only where its preference says so.
TOLD_BY_PREFERENCE: Final = frozenset({Topic.PARTNERSHIP, Topic.PRODUCT_LAUNCH})
