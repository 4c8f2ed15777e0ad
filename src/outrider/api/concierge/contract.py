"""The concierge's contract, in the dialect it shares with the harvest."""

from outrider.api.concierge import examples
from outrider.api.enveloped import Enveloped

PREFIX = "/api"


class Concierge(Enveloped):
    title = "Outrider concierge"
    description = "Sorts who writes to you and keeps what you want to hear of, and how."
    requests = examples.REQUESTS
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT
    prefix = PREFIX


contract = Concierge()
