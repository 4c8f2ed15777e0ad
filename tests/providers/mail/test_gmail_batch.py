"""Batches as Google's guide writes them."""

import pytest

from outrider.providers.mail.gmail_batch import Garbled, compose, read

ANSWER = (
    b"--batch_x-Y_z\r\nContent-Type: application/http\r\nContent-ID: <response-item-1>\r\n\r\n"
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=UTF-8\r\nRetry-After: 7\r\n\r\n"
    b'{"error": {"code": 429}}\r\n'
    b"--batch_x-Y_z\r\nContent-Type: application/http\r\nContent-ID: <response-item-0>\r\n\r\n"
    b'HTTP/1.1 200 OK\r\nETag: "a"\r\n\r\n{"raw": "--batch_x-Y_z--"}\r\n'
    b"--batch_x-Y_z--\r\n"
)
TYPE = 'multipart/mixed; boundary="batch_x-Y_z"'


def test_each_request_is_a_part_with_its_number() -> None:
    body, content_type = compose(["/gmail/v1/users/me/messages/a", "/gmail/v1/users/me/messages/b"])
    assert content_type == "multipart/mixed; boundary=outrider_batch"
    assert body.count(b"--outrider_batch\r\n") == 2
    assert body.endswith(b"--outrider_batch--\r\n")
    assert b"Content-ID: <item-1>\r\n\r\nGET /gmail/v1/users/me/messages/b\r\n" in body


@pytest.mark.parametrize("answer", [ANSWER, ANSWER.replace(b"\r\n", b"\n"), b"preamble\r\n" + ANSWER])
def test_answers_come_in_the_order_of_the_requests_whatever_theirs(answer: bytes) -> None:
    first, second, third = read(answer, TYPE, count=3)
    assert first is not None
    assert (first.status, first.content) == (200, b'{"raw": "--batch_x-Y_z--"}')
    assert second is not None
    assert (second.status, second.headers["retry-after"]) == (429, "7")
    assert third is None


@pytest.mark.parametrize(
    ("answer", "content_type"),
    [
        (ANSWER, "multipart/mixed"),
        (ANSWER.replace(b"response-item-1", b"response-item-9"), TYPE),
        (ANSWER.replace(b"response-item-1", b"what"), TYPE),
        (ANSWER.replace(b"HTTP/1.1 200 OK", b"yes"), TYPE),
    ],
    ids=["no boundary", "a number too many", "no number", "no status"],
)
def test_what_the_guide_does_not_describe_is_told(answer: bytes, content_type: str) -> None:
    with pytest.raises(Garbled):
        read(answer, content_type, count=3)
