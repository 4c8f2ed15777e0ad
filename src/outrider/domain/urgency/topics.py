"""What mail can be about."""

from enum import StrEnum


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
