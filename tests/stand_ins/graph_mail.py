"""Graph's mail, for a stand-in of Microsoft: folders, changes, MIME, drafts that are sent, subscriptions and their calls."""

import base64
import binascii
import re
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2

from tests.stand_ins import microsoft
from tests.stand_ins.graph import Call, Graph, Method, Reply, error
from tests.stand_ins.graph_box import Box, Round, Stored, moment
from tests.stand_ins.graph_types import wrong_with
from tests.stand_ins.microsoft import Microsoft

READ, WRITE, SEND = frozenset({"Mail.Read", "Mail.ReadWrite"}), frozenset({"Mail.ReadWrite"}), frozenset({"Mail.Send"})
SCOPES = ("openid", "email", "profile", "offline_access", "User.Read", "Mail.ReadWrite", "Mail.Send")
DELTA_QUERY = frozenset({"$select", "$filter", "changeType", "$skiptoken", "$deltatoken", "$top"})
LIST_QUERY = frozenset(
    {"$select", "$filter", "$orderby", "$top", "$skip", "$expand", "$count", "$search", "$skiptoken"}
)
# https://learn.microsoft.com/graph/search-query-parameter
NOT_WITH_SEARCH = frozenset({"$filter", "$orderby", "$count", "$skip"})
MOST_FOUND = 1_000
MOST_IN_A_ROUND = 5_000
MOST_BYTES = 4 * 2**20
LONGEST_SUBSCRIPTION = timedelta(minutes=4_230)
ONE = r"/me/messages/(?P<id>[\w=-]+)"
SUBSCRIPTION = r"/subscriptions/(?P<id>[\w-]+)"


@dataclass
class Mail:
    """Mail of all accounts of a stand-in. `sent` are the Message-IDs of all that left, once for each time."""

    graph: Graph
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = r"/me/mailFolders/(?P<folder>[\w=-]+)"
        none: frozenset[str] = frozenset()
        expanded = frozenset({"$select", "$expand"})
        self.graph.plug(
            [
                Method(
                    "GET",
                    "/me/mailFolders/delta",
                    READ,
                    self._folders,
                    gives="MailFolder",
                    many=True,
                    query=frozenset({"$select", "$skiptoken"}),
                ),
                Method("GET", folder, READ, self._folder, gives="MailFolder", query=frozenset({"$select"})),
                Method(
                    "GET", f"{folder}/messages/delta", READ, self._delta, gives="Message", many=True, query=DELTA_QUERY
                ),
                Method("GET", f"{folder}/messages", READ, self._list, gives="Message", many=True, query=LIST_QUERY),
                Method("GET", "/me/messages", READ, self._look, gives="Message", many=True, query=LIST_QUERY),
                Method("GET", ONE, READ, self._show, gives="Message", query=expanded),
                Method("GET", rf"{ONE}/\$value", READ, self._mime, query=none),
                Method("POST", "/me/messages", WRITE, self._draft, gives="Message", query=none),
                Method("PATCH", ONE, WRITE, self._change, takes="Message", gives="Message", query=none),
                Method("DELETE", ONE, WRITE, self._delete, query=none),
                Method("POST", f"{ONE}/send", SEND, self._send, query=none),
                Method("GET", "/subscriptions", READ, self._subscriptions, gives="Subscription", many=True, query=none),
                Method(
                    "POST",
                    "/subscriptions",
                    READ,
                    self._subscribe,
                    takes="Subscription",
                    gives="Subscription",
                    query=none,
                ),
                Method(
                    "PATCH", SUBSCRIPTION, READ, self._renew, takes="Subscription", gives="Subscription", query=none
                ),
                Method("DELETE", SUBSCRIPTION, READ, self._unsubscribe, query=none),
            ]
        )

    def box(self, address: str, **known: Any) -> Box:
        account = self.graph.account(address)
        box: Box = account.held.setdefault("mail", Box(address, **known))
        return box

    def deliver(
        self,
        address: str,
        raw: bytes,
        *,
        folder: str = "inbox",
        at: float | None = None,
        conversation: str | None = None,
    ) -> Stored:
        return self.box(address).add(raw, folder=folder, at=at or self.graph.now(), conversation=conversation)

    def notice(self, address: str, *, lifecycle: str | None = None, **changes: Any) -> tuple[str, dict[str, Any]]:
        """Address and body with which Microsoft tells of news in a mailbox, or of its only subscription."""
        [subscription] = self.box(address).subscriptions.values()
        said = {
            "subscriptionId": subscription["id"],
            "subscriptionExpirationDateTime": subscription["expirationDateTime"],
            "clientState": subscription["clientState"],
            "tenantId": self.graph.account(address).tenant,
        }
        if lifecycle is None:
            said |= {"changeType": "created", "resource": f"Users/{uuid.uuid4()}/Messages/AAMk"}
            said["resourceData"] = {"@odata.type": "#Microsoft.Graph.Message", "id": "AAMk"}
            self.graph.wrong += wrong_with("ChangeNotification", said)
        else:
            said["lifecycleEvent"] = lifecycle
        return str(subscription["notificationUrl"]), {"value": [said | changes]}

    def _box(self, call: Call) -> Box:
        if 'IdType="ImmutableId"' not in call.headers.get("prefer", ""):
            self.graph.wrong.append(f"{call.verb} {call.path} asks for ids that change")
        box: Box | None = call.account.held.get("mail")
        assert box is not None, f"{call.account.address} has no mailbox"
        box.settle(self.graph.now())
        return box

    def _folder(self, call: Call) -> Reply:
        box = self._box(call)
        name = box.folder_of(call.args["folder"])
        if name is None:
            return _not_found()
        return Reply(200, {"id": box.ids[name]})

    def _folders(self, call: Call) -> Reply:
        """The first round of changes: everything there is."""
        box = self._box(call)
        start, size = int(call.query.get("$skiptoken", "0")), call.page_size or 10
        names = call.query.get("$select", "id,displayName,parentFolderId,isHidden")
        known = box.described(names.split(","))
        body: dict[str, Any] = {"value": known[start : start + size]}
        link = f"{self.graph.url}/v1.0{call.path}"
        if start + size < len(known):
            body["@odata.nextLink"] = f"{link}?$select={names}&$skiptoken={start + size}"
        else:
            body["@odata.deltaLink"] = f"{link}?$deltatoken=latest"
        return Reply(200, body)

    def _delta(self, call: Call) -> Reply:
        box, folder = self._box(call), call.args["folder"]
        token = call.query.get("$skiptoken") or call.query.get("$deltatoken")
        if token is not None:
            known = box.rounds.get(token)
            if known is None or known.folder != folder:
                return error(410, "SyncStateNotFound", "The sync state generation is not found.")
            return self._page(call, box, known)
        since = _since(call)
        if call.query.get("changeType") != "created" or since is None:
            return error(
                400, "ErrorInvalidUrlQuery", "This stand-in knows rounds of new messages since a moment alone."
            )
        return self._page(call, box, Round(folder, 0, None, since, MOST_IN_A_ROUND))

    def _page(self, call: Call, box: Box, of: Round) -> Reply:
        """What came into the folder; what has left it since is told as removed."""
        end = len(box.changes) if of.end is None else of.end
        places: dict[str, int] = {}
        for place in range(of.start, end):
            where, what, name = box.changes[place]
            stored = box.messages.get(name)
            if where == of.folder and what == "created" and (stored is None or stored.received >= of.since):
                places.setdefault(name, place)
        size = min(call.page_size or 10, of.left)
        here = list(places)[:size]
        names = call.query.get("$select", "id,receivedDateTime,conversationId,isDraft").split(",")
        value = [
            box.messages[name].shown(names, box)
            if name in box.messages and box.messages[name].folder == of.folder
            else {"id": name, "@removed": {"reason": "deleted"}}
            for name in here
        ]
        body: dict[str, Any] = {"@odata.context": "#Collection(message)", "value": value}
        link = f"{self.graph.url}/v1.0/me/mailFolders/{of.folder}/messages/delta"
        if len(places) > size and of.left > size:
            rest = replace(of, start=places[here[-1]] + 1, end=end, left=of.left - size)
            body["@odata.nextLink"] = f"{link}?$skiptoken={box.token(rest)}"
        else:
            following = Round(of.folder, end, None, of.since, MOST_IN_A_ROUND)
            body["@odata.deltaLink"] = f"{link}?$deltatoken={box.token(following)}"
        return Reply(200, body)

    def _list(self, call: Call) -> Reply:
        box = self._box(call)
        if "receivedDateTime" in call.query.get("$orderby", "") and _since(call) is None:
            return error(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
        folder = box.folder_of(call.args["folder"]) if "folder" in call.args else ""
        if folder is None:
            return _not_found()
        place = "$skiptoken" if "$search" in call.query else "$skip"
        if place == "$skiptoken":
            asked = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', call.query["$search"], re.DOTALL)
            if asked is None or NOT_WITH_SEARCH & set(call.query):
                return error(400, "BadRequest", "Syntax error: the search is not quoted, or stands beside a filter.")
            matching = box.found(re.sub(r"\\(.)", r"\1", asked[1]))[:MOST_FOUND]
        else:
            matching = [each for each in box.newest() if each.received >= (_since(call) or 0)]
        found = [each for each in matching if folder in {"", each.folder}]
        start, size = int(call.query.get(place, "0")), min(call.page_size or 10, 1_000)
        body: dict[str, Any] = {"value": [_shown(call, each, box) for each in found[start : start + size]]}
        if call.query.get("$count") == "true":
            body["@odata.count"] = len(found)
        if start + size < len(found):
            kept = {**call.query, place: str(start + size)}
            query = "&".join(f"{name}={quote(value)}" for name, value in kept.items())
            body["@odata.nextLink"] = f"{self.graph.url}/v1.0{call.path}?{query}"
        return Reply(200, body)

    def _look(self, call: Call) -> Reply:
        if "internetMessageId" not in call.query.get("$filter", ""):
            return self._list(call)
        box = self._box(call)
        asked = re.fullmatch(r"internetMessageId eq '(.*)'", call.query.get("$filter", ""))
        if asked is None:
            return error(400, "ErrorInvalidUrlQueryFilter")
        found = box.of_message_id(asked[1].replace("''", "'"))
        return Reply(200, {"value": [each.shown(call.query["$select"].split(","), box) for each in found]})

    def _show(self, call: Call) -> Reply:
        box = self._box(call)
        if (stored := box.messages.get(call.args["id"])) is None:
            return _not_found()
        return Reply(200, _shown(call, stored, box))

    def _mime(self, call: Call) -> Reply:
        box = self._box(call)
        if (stored := box.messages.get(call.args["id"])) is None:
            return _not_found()
        extra = f"X-MS-Diagnostics: {'x' * secrets.randbelow(40)}\r\n".encode() if box.is_flighty else b""
        return Reply(200, extra + stored.raw, {"Content-Type": "text/plain"})

    def _draft(self, call: Call) -> Reply:
        box = self._box(call)
        if call.headers.get("content-type") != "text/plain":
            return error(415, "UnsupportedMediaType")
        if len(call.body) > MOST_BYTES:
            return error(413, "RequestEntityTooLarge", "The request is too large.")
        try:
            raw = base64.b64decode(call.body, validate=True)
        except binascii.Error:
            return error(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
        stored = box.add(raw, folder="drafts", at=self.graph.now(), is_draft=True)
        if box.renames:
            stored.rename(f"<{secrets.token_hex(8)}@namprd22.prod.outlook.com>")
        return Reply(201, stored.shown([], box))

    def _change(self, call: Call) -> Reply:
        box = self._box(call)
        if (stored := box.messages.get(call.args["id"])) is None:
            return _not_found()
        if not stored.is_draft or set(call.json) != {"internetMessageId"}:
            return error(400, "ErrorInvalidPropertySet")
        stored.rename(call.json["internetMessageId"])
        return Reply(200, stored.shown([], box))

    def _delete(self, call: Call) -> Reply:
        box = self._box(call)
        if (stored := box.messages.get(call.args["id"])) is None:
            return _not_found()
        box.move(stored, "deleteditems")
        return Reply(204)

    def _send(self, call: Call) -> Reply:
        box = self._box(call)
        stored = box.messages.get(call.args["id"])
        if stored is None or not stored.is_draft or stored.folder != "drafts":
            return _not_found()
        at = self.graph.now()
        stored.received, stored.sends_at = at, at + box.lag
        box.sending.append(stored)
        box.move(stored, "outbox")
        box.settle(at)
        self.sent.append(stored.message_id)
        for address in re.findall(rb"^(?:To|Cc):.*?([\w.+-]+@[\w.-]+)", stored.raw, re.MULTILINE):
            other = self.graph.accounts.get(address.decode())
            if other is not None and "mail" in other.held:
                self.deliver(other.address, stored.raw)
        return Reply(202)

    def _subscriptions(self, call: Call) -> Reply:
        return Reply(200, {"value": list(self._box(call).subscriptions.values())})

    async def _subscribe(self, call: Call) -> Reply:
        box, asked = self._box(call), call.json
        if set(asked) - {"lifecycleNotificationUrl"} != {
            "changeType", "notificationUrl", "resource", "expirationDateTime", "clientState",
        } or len(asked["clientState"]) > 128:  # fmt: skip
            return error(400, "InvalidRequest", "Something is missing or too long.")
        if (refusal := self._too_long(asked)) is not None:
            return refusal
        for url in {asked["notificationUrl"], asked.get("lifecycleNotificationUrl", asked["notificationUrl"])}:
            if not await _answers(url):
                return error(400, "ValidationError", "Subscription validation request failed.")
        made = {**asked, "id": str(uuid.uuid4())}
        box.subscriptions[made["id"]] = made
        return Reply(201, {**made, "clientState": None})

    def _renew(self, call: Call) -> Reply:
        known = self._box(call).subscriptions.get(call.args["id"])
        if known is None:
            return error(404, "ResourceNotFound", "The object was not found.")
        if (refusal := self._too_long(call.json)) is not None:
            return refusal
        known |= call.json
        return Reply(200, known)

    def _unsubscribe(self, call: Call) -> Reply:
        self._box(call).subscriptions.pop(call.args["id"], None)
        return Reply(204)

    def _too_long(self, asked: dict[str, Any]) -> Reply | None:
        longest = self.graph.now() + LONGEST_SUBSCRIPTION.total_seconds()
        if datetime.fromisoformat(asked["expirationDateTime"]).timestamp() <= longest:
            return None
        return error(400, "ExtensionError", f"The expiration can't be after {moment(longest)}.")


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[tuple[Microsoft, Mail]]:
    """Serves a Microsoft with mail on loopback."""
    async with microsoft.running(**settings) as stand_in:
        yield stand_in, Mail(stand_in)


async def _answers(url: str) -> bool:
    token = f"Validation: Testing client application reachability for subscription. Request-Id: {uuid.uuid4()} ä+&<b>"
    async with httpx2.AsyncClient(timeout=10) as client:
        try:
            answer = await client.post(f"{url}{'&' if '?' in url else '?'}validationToken={quote(token)}")
        except httpx2.HTTPError:
            return False
    kind = answer.headers.get("content-type", "")
    return answer.status_code == 200 and kind.startswith("text/plain") and answer.text == token


def _shown(call: Call, stored: Stored, box: Box) -> dict[str, Any]:
    shown = stored.shown(call.query["$select"].split(","), box)
    if wanted := re.search(r"id eq '(Integer 0x0E08)'", call.query.get("$expand", "")):
        shown["singleValueExtendedProperties"] = [{"id": wanted[1].lower(), "value": str(len(stored.raw))}]
    return shown


def _since(call: Call) -> float | None:
    found = re.fullmatch(r"receivedDateTime ge (\S+)", call.query.get("$filter", ""))
    return datetime.fromisoformat(found[1]).timestamp() if found else None


def _not_found() -> Reply:
    return error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
