"""Roles by special use and, failing that, by name."""

import pytest

from outrider.providers.mail.folders import assign_roles
from outrider.providers.mail.interface import Folder, Role


def roles(*listed: tuple[tuple[bytes, ...], str]) -> dict[str, Role | None]:
    return {folder.name: folder.role for folder in assign_roles((flags, "/", name) for flags, name in listed)}


def test_what_the_server_says_beats_the_name() -> None:
    assert roles(((), "Sent"), ((b"\\HasNoChildren", b"\\Sent"), "[Gmail]/Gesendet")) == {
        "Sent": None,
        "[Gmail]/Gesendet": Role.SENT,
    }


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Sent Items", Role.SENT),
        ("INBOX/Gesendete Objekte", Role.SENT),
        ("Éléments envoyés", Role.SENT),
        ("Отправленные", Role.SENT),
        ("送信済み", Role.SENT),
        ("Borradores", Role.DRAFTS),
        ("Courrier indésirable", Role.JUNK),
        ("Papierkorb", Role.TRASH),
        ("Archief", Role.ARCHIVE),
        ("Sent to lawyers", None),
    ],
)
def test_folders_without_a_special_use_are_known_by_name(name: str, role: Role | None) -> None:
    assert roles(((), name)) == {name: role}


def test_of_two_names_the_one_nearest_to_the_root_counts() -> None:
    assert roles(((), "Old/Sent"), ((), "Sent")) == {"Old/Sent": None, "Sent": Role.SENT}


def test_folders_that_cannot_be_opened_are_left_out() -> None:
    assert assign_roles([((b"\\Noselect",), "/", "[Gmail]"), ((), "", "inbox")]) == (Folder("inbox", Role.INBOX),)
