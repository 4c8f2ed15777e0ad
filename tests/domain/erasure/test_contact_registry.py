"""The contact's side of the registry is whole: a table that says nothing of contacts fails here."""

from sqlalchemy import text

from outrider.domain.erasure.contact_registry import BY_THEMSELVES, GOES_WITH, HELD, MENTIONED, NOT_OF_CONTACTS
from outrider.domain.erasure.registry import BY_THEMSELVES as OF_ACCOUNTS
from outrider.domain.erasure.registry import NOBODYS, PERSONAL
from outrider.runtime import Runtime

# What names a person wherever it stands.
TELLING = {"contact_id", "recipient", "from_address", "attendees", "address", "email", "email_id"}
OF_USERS = {"users", "mailboxes", "grants", "calendar_connections"}  # addresses of those who sign in


def test_every_table_of_personal_data_says_what_of_it_is_a_contacts() -> None:
    known = {each.table for each in PERSONAL} | OF_ACCOUNTS
    said = {each.table for each in (*HELD, *MENTIONED)} | GOES_WITH.keys() | NOT_OF_CONTACTS.keys() | BY_THEMSELVES
    print(f"\ntables that say nothing of contacts: {len(known - said)} of {len(known)}")
    assert known - said == set(), "say in contact_registry.py how a contact is found in it, or why there is none"
    assert said - known == set()
    assert not said & NOBODYS.keys()


def test_no_table_is_in_two_places() -> None:
    tables = [each.table for each in HELD] + [*GOES_WITH, *NOT_OF_CONTACTS, *BY_THEMSELVES]
    assert len(tables) == len(set(tables))
    assert not {each.table for each in MENTIONED} & {*GOES_WITH, *NOT_OF_CONTACTS, *BY_THEMSELVES}


async def test_a_table_with_a_column_that_names_people_is_not_passed_over(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        rows = await db.execute(
            text("select table_name, column_name from information_schema.columns where table_schema = 'public'")
        )
        naming = {row.table_name for row in rows if row.column_name in TELLING}
    assert naming - OF_USERS <= {each.table for each in HELD} | GOES_WITH.keys() | BY_THEMSELVES | {"contact_erasures"}


def test_what_refers_to_another_is_erased_first() -> None:
    order = [each.table for each in HELD]
    before = [("hits", "sends"), ("enrollments", "messages"), ("sends", "threads"), ("calls", "messages"),
              ("call_speeches", "calls"), ("messages", "threads"), ("contact_emails", "contacts")]  # fmt: skip
    assert [pair for pair in before if order.index(pair[0]) > order.index(pair[1])] == []
