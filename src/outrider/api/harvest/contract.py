"""The harvest's contract: the concierge's dialect, below two prefixes of one surface."""

from outrider.api.contract import Contract
from outrider.api.enveloped import Enveloped
from outrider.api.harvest import examples

GMAIL, PROCESSING = "/api/gmail", "/api/processing"


class Harvest(Enveloped):
    title = "Outrider harvest"
    description = "Reads a mailbox, and turns mails into leads in batches that can be watched, stopped and retried."
    requests = examples.REQUESTS
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


gmail: Contract = Harvest(GMAIL)
processing: Contract = Harvest(PROCESSING)
