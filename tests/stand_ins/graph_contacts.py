"""Outlook's address books in the small Graph: folders inside folders, pages, and changes told by tokens that can die."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from tests.stand_ins.graph import VERSION, Account, Call, Graph, Method, Reply, error

READ = frozenset({"Contacts.Read", "Contacts.ReadWrite"})
MOST_IN_A_PAGE, USUAL = 1000, 10
# A key in either of OData's two forms.
FOLDER = r"/me/contactFolders(?:/|\('|\(%27)(?P<folder>[^/')]+?)(?:'\)|%27\))?"


@dataclass
class AddressBook:
    """`changed` says when each contact last changed, dead ones too; tokens of an earlier `era` are forgotten."""

    default: str = field(default_factory=lambda: f"AQ{secrets.token_urlsafe(60)}AAIBDgAAAA==")
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, tuple[int, str]] = field(default_factory=dict)  # number of the change, and in which folder
    era: int = 0
    last: int = 0

    def folder(self, name: str, inside: str | None = None) -> str:
        folder = f"AQ{secrets.token_urlsafe(60)}AAAA=="
        self.folders[folder] = {"id": folder, "displayName": name, "parentFolderId": inside or self.default}
        return folder

    def add(self, contact: dict[str, Any], *, folder: str | None = None) -> str:
        contact_id = f"AAkALg{secrets.token_urlsafe(80)}"
        self.contacts[contact_id] = {}
        self.change(contact_id, folder=folder or self.default, **contact)
        return contact_id

    def change(self, contact_id: str, *, folder: str | None = None, **values: Any) -> None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = folder or self.contacts[contact_id]["parentFolderId"]
        key = base64.b64encode(secrets.token_bytes(20)).decode()
        self.contacts[contact_id] |= {
            "createdDateTime": at, "categories": [], "emailAddresses": [], **values, "id": contact_id,
            "parentFolderId": where, "changeKey": key, "lastModifiedDateTime": at, "@odata.etag": f'W/"{key}"',
        }  # fmt: skip
        self._note(contact_id, where)

    def remove(self, contact_id: str) -> None:
        self._note(contact_id, self.contacts.pop(contact_id)["parentFolderId"])

    def remove_folder(self, folder: str) -> None:
        del self.folders[folder]
        self.contacts = {name: each for name, each in self.contacts.items() if each["parentFolderId"] != folder}

    def forget_tokens(self) -> None:
        self.era += 1

    def inside(self, folder: str) -> list[dict[str, Any]]:
        return [each for each in self.contacts.values() if each["parentFolderId"] == folder]

    def since(self, folder: str, number: int, *, with_dead: bool) -> list[tuple[int, dict[str, Any]]]:
        """What changed in a folder after a change, in that order."""
        told = []
        for contact_id, (at, where) in self.changed.items():
            contact = self.contacts.get(contact_id)
            if where == folder and at > number and (contact or with_dead):
                told.append((at, contact or {"id": contact_id, "@removed": {"reason": "deleted"}}))
        return sorted(told, key=lambda each: each[0])

    def _note(self, contact_id: str, folder: str) -> None:
        self.last += 1
        self.changed[contact_id] = (self.last, folder)


def book_of(account: Account) -> AddressBook:
    book: AddressBook = account.held.setdefault("contacts", AddressBook())
    return book


@dataclass
class Contacts:
    """What may be asked of address books. Links lead back to `graph`."""

    graph: Graph

    @property
    def methods(self) -> list[Method]:
        tracking = frozenset({"$select", "$skiptoken", "$deltatoken"})
        return [
            Method("GET", "/me/contacts", READ, self.list, gives="Contact", many=True),
            Method("GET", "/me/contactFolders", READ, self.folders, gives="ContactFolder", many=True),
            Method("GET", f"{FOLDER}/childFolders", READ, self.folders, gives="ContactFolder", many=True),
            Method("GET", f"{FOLDER}/contacts", READ, self.list, gives="Contact", many=True),
            Method("GET", f"{FOLDER}/contacts/delta", READ, self.delta, gives="Contact", many=True, query=tracking),
        ]

    def folders(self, call: Call) -> Reply:
        book, inside = _asked(call)
        if inside is None:
            return _not_found()
        return self._page(call, [each for each in book.folders.values() if each["parentFolderId"] == inside])

    def list(self, call: Call) -> Reply:
        book, folder = _asked(call)
        return _not_found() if folder is None else self._page(call, book.inside(folder))

    def delta(self, call: Call) -> Reply:
        book, folder = _asked(call)
        if folder is None:
            return _not_found()
        token = call.query.get("$skiptoken") or call.query.get("$deltatoken")
        try:
            begun = {"era": book.era, "after": 0, "is_first": True, "select": call.query.get("$select")}
            state = json.loads(base64.urlsafe_b64decode(token)) if token else begun
        except ValueError:
            return error(400, "BadRequest", "Badly formed token.")
        if state["era"] != book.era:
            return error(
                410, "SyncStateNotFound", "The sync state generation is not found; begin a full synchronisation."
            )
        told = book.since(folder, state["after"], with_dead=not state["is_first"])
        chosen = told[: min(call.page_size or USUAL, MOST_IN_A_PAGE)]
        is_all = len(told) == len(chosen)
        state["after"] = chosen[-1][0] if chosen else state["after"]
        state["is_first"] = state["is_first"] and not is_all
        made = base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
        link, name = ("@odata.deltaLink", "$deltatoken") if is_all else ("@odata.nextLink", "$skiptoken")
        where = f"{self.graph.url}{VERSION}/me/contactFolders('{quote(folder)}')/contacts/delta?{name}={made}"
        value = [_selected(each, state["select"]) for _, each in chosen]
        return Reply(200, {"@odata.context": "#Collection(contact)", link: where, "value": value})

    def _page(self, call: Call, items: Sequence[dict[str, Any]]) -> Reply:
        """A page of a list that is asked for by `$skip`."""
        size, start = min(call.page_size or USUAL, MOST_IN_A_PAGE), int(call.query.get("$skip", "0"))
        body: dict[str, Any] = {"@odata.context": "#contacts"}
        if call.query.get("$count") == "true":
            body["@odata.count"] = len(items)
        if start + size < len(items):
            query = urlencode({**call.query, "$skip": start + size}, safe="$,")
            body["@odata.nextLink"] = f"{self.graph.url}{VERSION}{quote(call.path)}?{query}"
        chosen = [_selected(each, call.query.get("$select")) for each in items[start : start + size]]
        return Reply(200, {**body, "value": chosen})


def _asked(call: Call) -> tuple[AddressBook, str | None]:
    """The book and the folder that a request is about; None: there is no such folder."""
    book = book_of(call.account)
    folder = call.args.get("folder", book.default)
    return book, folder if folder == book.default or folder in book.folders else None


def _selected(item: dict[str, Any], names: str | None) -> dict[str, Any]:
    if names is None or "@removed" in item:
        return item
    chosen = {"id", "@odata.etag", *names.split(",")}
    return {name: value for name, value in item.items() if name in chosen}


def _not_found() -> Reply:
    return error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
