"""Everything that Google keeps of a person."""

from typing import Any

from outrider.providers.contacts.google_person import contact_of, is_deleted

GRACE: dict[str, Any] = {
    "resourceName": "people/c17",
    "etag": "%EgUBAj0",
    "names": [
        {"displayName": "G. Hopper", "givenName": "G."},
        {
            "metadata": {"primary": True},
            "displayName": "Grace Brewster Hopper",
            "givenName": "Grace",
            "middleName": "Brewster",
            "familyName": "Hopper",
        },
    ],
    "emailAddresses": [{"value": "grace@navy.test", "type": "work"}, {"value": "grace@b.test"}, {"type": "home"}],
    "phoneNumbers": [{"value": "020 7946 0018", "canonicalForm": "+442079460018", "type": "mobile"}, {"value": "1234"}],
    "addresses": [
        {"type": "home", "streetAddress": "1 Main St", "city": "Arlington", "region": "VA", "postalCode": "22201"},
        {"formattedValue": "Pier 7\nNorfolk"},
        {"type": "work"},
    ],
    "organizations": [{"name": "US Navy", "title": "Rear Admiral", "department": "Data"}, {"type": "work"}],
    "urls": [{"value": "https://grace.example", "type": "homePage"}],
    "birthdays": [{"date": {"month": 12, "day": 9}}, {"date": {"year": 1906, "month": 12, "day": 9}}],
    "biographies": [{"value": "Found the first bug."}],
    "photos": [{"url": "https://lh3.test/letter", "default": True}, {"url": "https://lh3.test/grace"}],
    "userDefined": [{"key": "Ship", "value": "Mark I"}],
}


def test_nothing_of_a_contact_is_lost() -> None:
    grace = contact_of(GRACE)
    assert (grace.id, grace.etag) == ("people/c17", "%EgUBAj0")
    assert (grace.name, grace.given_name, grace.family_name) == ("Grace Brewster Hopper", "Grace Brewster", "Hopper")
    assert grace.emails == (("grace@navy.test", "work"), ("grace@b.test", ""))
    assert grace.phones == (("+442079460018", "mobile"), ("1234", ""))
    assert grace.addresses == (
        {"street": "1 Main St", "city": "Arlington", "region": "VA", "postal_code": "22201", "label": "home"},
        {"street": "Pier 7\nNorfolk", "label": ""},
    )
    assert grace.organisations == ({"name": "US Navy", "title": "Rear Admiral", "department": "Data"},)
    assert grace.urls == (("https://grace.example", "homePage"),)
    assert (grace.birthday, grace.notes) == ("1906-12-09", "Found the first bug.")
    assert grace.photo_url == "https://lh3.test/grace"
    assert grace.raw["userDefined"] == GRACE["userDefined"]


def test_dates_are_written_as_far_as_they_are_known() -> None:
    def born(**date: int) -> str:
        return contact_of({"birthdays": [{"date": date}]}).birthday

    assert born(month=2, day=29) == "--02-29"
    assert born(year=1906) == "1906"
    assert born(year=1906, month=12) == "1906-12"
    assert born(day=9) == ""
    assert contact_of({"birthdays": [{"text": "in spring"}]}).birthday == "in spring"


def test_answers_of_another_form_do_no_harm() -> None:
    odd = contact_of({"resourceName": 17, "names": "Grace", "emailAddresses": [None, {"value": 5}], "metadata": 3})
    assert (odd.id, odd.name, odd.emails) == ("", "", ())
    assert not is_deleted({"metadata": 3})
    assert is_deleted({"metadata": {"deleted": True}})
