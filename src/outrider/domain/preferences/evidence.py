"""From what preferences are told: what mails speak of, what lies ahead, and what a setting became by it."""

import re
from dataclasses import dataclass
from typing import Any

SIGNS = {
    "urgent_financial": re.compile(
        r"\b(?:invoice|payment|overdue|bank|wire|payroll|tax|refund|chargeback|rechnung|zahlung|mahnung|facture|paiement|factura|pago|fattura|pagamento|factuur|betaling)\b",
        re.IGNORECASE,
    ),
    "investor_updates": re.compile(
        r"\b(?:investors?|board|term sheet|cap table|due diligence|shareholders?|funding|vc|gesellschafter|investisseurs?|inversor\w*|aandeelhouder\w*)\b",
        re.IGNORECASE,
    ),
    "customer_issues": re.compile(
        r"\b(?:customer|client|complaint|refund|broken|not working|outage|support|cancel(?:ling)? (?:our|my)|kunde\w*|reklamation|r[ée]clamation|cliente|klant|klacht)\b",
        re.IGNORECASE,
    ),
    "partnership_deals": re.compile(
        r"\b(?:partner(?:ship)?s?|proposal|contract|collaboration|reseller|angebot|vertrag|partenariat|contrat|propuesta|contrato|proposta|samenwerking)\b",
        re.IGNORECASE,
    ),
    "product_launches": re.compile(
        r"\b(?:launch(?:es|ed)?|introducing|now available|release[ds]?|announcing|neu:|lancement|lanzamiento|lancio)\b",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True)
class Agenda:
    """What lies ahead in a user's calendars: meetings with others, and those of them with people from outside."""

    meetings: int
    outside: int
    days: int


@dataclass(frozen=True, slots=True)
class Basis:
    """A setting, what it became, and from what."""

    setting: str
    value: Any
    reason: str
