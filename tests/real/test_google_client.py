"""The stand-in for Google against Google's own library, unchanged but for the address: it takes it for Google."""

import asyncio
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.google_people import OTHERS, person

ADDRESS = "ada@gmail.test"
SCOPES = (
    "https://www.googleapis.com/auth/contacts.readonly https://www.googleapis.com/auth/contacts.other.readonly "
    "https://www.googleapis.com/auth/gmail.readonly"
)


def service_of(google: Google, name: str, version: str) -> Any:
    grant = google.granted(ADDRESS, SCOPES)
    credentials = Credentials(
        token=google.token_of(grant),
        refresh_token=grant.refresh_token,
        token_uri=f"{google.url}/token",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    )
    return build(
        name, version, credentials=credentials, static_discovery=True, client_options={"api_endpoint": google.url}
    )


async def test_contacts_are_paged_through_and_then_synced(google: Google) -> None:
    book = google.book(ADDRESS)
    book.add_many(250)
    gone = book.add(**person("Alan Turing", "alan@b.test"))
    asked = {"resourceName": "people/me", "personFields": "names,emailAddresses", "requestSyncToken": True}

    def walk() -> tuple[list[dict[str, Any]], str]:
        connections = service_of(google, "people", "v1").people().connections()
        request, found, answer = connections.list(**asked, pageSize=100), [], {}
        while request is not None:
            answer = request.execute()
            found += answer["connections"]
            request = connections.list_next(request, answer)
        return found, answer["nextSyncToken"]

    found, token = await asyncio.to_thread(walk)
    assert [len(found), found[0]["names"][0]["displayName"]] == [251, "Person 0"]
    book.delete(gone)
    changes = await asyncio.to_thread(
        lambda: service_of(google, "people", "v1").people().connections().list(**asked, syncToken=token).execute()
    )
    assert [(each["resourceName"], each["metadata"]["deleted"]) for each in changes["connections"]] == [(gone, True)]
    book.expire_syncs()
    with pytest.raises(HttpError) as expired:
        await asyncio.to_thread(
            lambda: service_of(google, "people", "v1").people().connections().list(**asked, syncToken=token).execute()
        )
    assert expired.value.status_code == 400
    assert expired.value.error_details[0]["reason"] == "EXPIRED_SYNC_TOKEN"


async def test_other_contacts_are_listed(google: Google) -> None:
    google.book(ADDRESS).add(at=OTHERS, **person("", "other@c.test"))
    listed = await asyncio.to_thread(
        lambda: service_of(google, "people", "v1").otherContacts().list(readMask="emailAddresses").execute()
    )
    assert listed["totalSize"] == 1
    assert listed["otherContacts"][0]["emailAddresses"][0]["value"] == "other@c.test"


async def test_a_token_that_ran_out_is_renewed_and_a_refusal_understood(google: Google) -> None:
    google.book(ADDRESS, limit=1, window=60).add_many(1)

    def ask_twice() -> tuple[int, HttpError]:
        service = service_of(google, "people", "v1")
        google.expire_tokens()
        request = service.people().connections().list(resourceName="people/me", personFields="names")
        total = int(request.execute()["totalItems"])
        with pytest.raises(HttpError) as limited:
            request.execute()
        return total, limited.value

    total, limited = await asyncio.to_thread(ask_twice)
    assert (total, google.count("/token refresh_token")) == (1, 1)
    assert (limited.status_code, limited.error_details[0]["reason"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert isinstance(limited.resp, httplib2.Response)


async def test_mail_is_listed(google: Google) -> None:
    google.box(ADDRESS)
    google.deliver(ADDRESS, b"From: grace@b.test\r\nSubject: Hello\r\nMessage-ID: <1@b.test>\r\n\r\nHello")
    messages = await asyncio.to_thread(
        lambda: service_of(google, "gmail", "v1").users().messages().list(userId="me").execute()
    )
    assert len(messages["messages"]) == 1
