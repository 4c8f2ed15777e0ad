"""A contact of Microsoft Graph in no vendor's terms: https://learn.microsoft.com/graph/api/resources/contact."""

from collections.abc import Mapping
from typing import Any

from outrider.providers.contacts.interface import ProviderContact

Entry = Mapping[str, Any]
# All that a contact has in version 1.0, besides its picture.
SELECT = (
    "assistantName,birthday,businessAddress,businessHomePage,businessPhones,categories,changeKey,children,companyName,"
    "createdDateTime,department,displayName,emailAddresses,fileAs,generation,givenName,homeAddress,homePhones,id,"
    "imAddresses,initials,jobTitle,lastModifiedDateTime,manager,middleName,mobilePhone,nickName,officeLocation,"
    "otherAddress,parentFolderId,personalNotes,profession,spouseName,surname,title,yomiCompanyName,yomiGivenName,"
    "yomiSurname"
)
ADDRESS = {
    "street": "street",
    "city": "city",
    "region": "state",
    "postal_code": "postalCode",
    "country": "countryOrRegion",
}
ORGANISATION = {"name": "companyName", "title": "jobTitle", "department": "department"}
# Outlook keeps a birthday without a year in this one, the first leap year of its calendar.
NO_YEAR = "1604"
UNSET = "0001-01-01"


def is_deleted(contact: Entry) -> bool:
    return "@removed" in contact


def contact_of(contact: Entry) -> ProviderContact:
    organisation = _described(contact, ORGANISATION)
    homepage = _text(contact, "businessHomePage")
    return ProviderContact(
        id=_text(contact, "id"),
        etag=_text(contact, "@odata.etag") or _text(contact, "changeKey"),
        name=_text(contact, "displayName") or _text(contact, "fileAs") or _text(contact, "nickName"),
        given_name=" ".join(filter(None, (_text(contact, "givenName"), _text(contact, "middleName")))),
        family_name=_text(contact, "surname"),
        notes=_text(contact, "personalNotes"),
        birthday=_birthday(_text(contact, "birthday")),
        emails=tuple(
            (address, "") for each in _list(contact, "emailAddresses", dict) if (address := _text(each, "address"))
        ),
        phones=_phones(contact),
        urls=((homepage, "work"),) if homepage else (),
        addresses=tuple(
            {**found, "label": label}
            for label, name in (("work", "businessAddress"), ("home", "homeAddress"), ("other", "otherAddress"))
            if (found := _described(contact.get(name) or {}, ADDRESS))
        ),
        organisations=(organisation,) if organisation else (),
        raw=contact,
    )


def _phones(contact: Entry) -> tuple[tuple[str, str], ...]:
    mobile = [_text(contact, "mobilePhone")]
    labelled = (
        ("mobile", mobile),
        ("work", _list(contact, "businessPhones", str)),
        ("home", _list(contact, "homePhones", str)),
    )
    return tuple((number, label) for label, numbers in labelled for number in numbers if number)


def _birthday(moment: str) -> str:
    """Graph gives the day as a moment of it, by universal time."""
    date = moment[:10]
    if not date or date == UNSET:
        return ""
    return f"-{date.removeprefix(NO_YEAR)}" if date.startswith(NO_YEAR) else date


def _described(entry: Any, members: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        return {}
    return {ours: value for ours, theirs in members.items() if (value := _text(entry, theirs))}


def _list(entry: Entry, name: str, kind: type) -> list[Any]:
    listed = entry.get(name)
    return [each for each in listed if isinstance(each, kind)] if isinstance(listed, list) else []


def _text(entry: Entry, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
