"""Outlook's contacts in our words: what each of its fields becomes, whatever is missing or odd."""

from typing import Any

import pytest

from outrider.providers.contacts.microsoft_contact import SELECT, contact_of, is_deleted
from tests.stand_ins.graph_types import TYPES, wrong_with_names

ADA: dict[str, Any] = {
    "@odata.etag": 'W/"EQAAABYA"', "id": "AAkA", "changeKey": "EQAAABYA", "displayName": "Ada Lovelace",
    "givenName": "Ada", "middleName": "King", "surname": "Lovelace", "personalNotes": "Met in Turin.",
    "birthday": "1815-12-10T11:59:00Z", "businessHomePage": "https://engine.test", "companyName": "Analytical Engines",
    "jobTitle": "Countess", "department": "Programs", "mobilePhone": "+44 20 7946 0001",
    "businessPhones": ["+44 20 7946 0002", ""], "homePhones": ["020 7946 0003"],
    "emailAddresses": [{"name": "Ada", "address": "ada@engine.test"}, {"name": "x", "address": None}, {"address": "a@b.test"}],
    "businessAddress": {"street": "1 Dorset St", "city": "London", "state": "", "countryOrRegion": "UK", "postalCode": "W1"},
    "homeAddress": {}, "otherAddress": None, "spouseName": "William", "categories": ["Engines"],
}  # fmt: skip


def test_what_a_contact_has_is_kept() -> None:
    ada = contact_of(ADA)
    assert (ada.id, ada.etag, ada.name) == ("AAkA", 'W/"EQAAABYA"', "Ada Lovelace")
    assert (ada.given_name, ada.family_name, ada.notes) == ("Ada King", "Lovelace", "Met in Turin.")
    assert ada.emails == (("ada@engine.test", ""), ("a@b.test", ""))
    assert ada.phones == (("+44 20 7946 0001", "mobile"), ("+44 20 7946 0002", "work"), ("020 7946 0003", "home"))
    assert ada.addresses == (
        {"street": "1 Dorset St", "city": "London", "postal_code": "W1", "country": "UK", "label": "work"},
    )
    assert ada.organisations == ({"name": "Analytical Engines", "title": "Countess", "department": "Programs"},)
    assert ada.urls == (("https://engine.test", "work"),)
    assert ada.raw["spouseName"] == "William"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1815-12-10T11:59:00Z", "1815-12-10"),
        ("1604-02-29T00:00:00Z", "--02-29"),
        ("0001-01-01T00:00:00Z", ""),
        ("", ""),
        (None, ""),
    ],
    ids=["a day", "without a year", "unset", "empty", "none"],
)
def test_a_birthday_is_a_day(said: str | None, meant: str) -> None:
    assert contact_of({"id": "a", "birthday": said}).birthday == meant


@pytest.mark.parametrize(
    "odd",
    [{}, dict.fromkeys(ADA), dict.fromkeys(ADA, 7), {name: [7, None, {}] for name in ADA}],
    ids=["nothing", "nulls", "numbers", "lists"],
)
def test_what_is_missing_or_odd_is_left_out(odd: dict[str, Any]) -> None:
    contact = contact_of(odd)
    assert (contact.id, contact.emails, contact.phones, contact.addresses, contact.urls) == ("", (), (), (), ())


def test_all_that_microsoft_describes_is_asked_for_but_what_others_hang_on_it() -> None:
    assert wrong_with_names("Contact", SELECT) == []
    left_out = set(TYPES["Contact"]["properties"]) - set(SELECT.split(","))
    assert left_out == {"extensions", "multiValueExtendedProperties", "singleValueExtendedProperties", "photo"}


def test_a_contact_that_is_gone_says_so() -> None:
    assert is_deleted({"id": "a", "@removed": {"reason": "deleted"}})
    assert not is_deleted(ADA)
