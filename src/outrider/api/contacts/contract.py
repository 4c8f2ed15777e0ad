"""The contacts' contract, in the dialect of the concierge."""

from outrider.api.contacts import examples
from outrider.api.enveloped import Enveloped

PREFIX = "/api/v1/contacts"


class Contacts(Enveloped):
    title = "Outrider contacts"
    description = "Gives people what is held of them, and erases it when they ask for that."
    answers = examples.ANSWERS
    parameters = examples.PARAMETERS
    links = examples.KEPT
    prefix = PREFIX


contract = Contacts()
