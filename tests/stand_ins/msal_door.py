"""Microsoft's own library for signing in (MSAL), led to the stand-in; it only talks to addresses with https."""

from typing import Any

import httpx2

OFFICIAL = "https://login.microsoftonline.com"


class Answer:
    """What MSAL reads of an answer."""

    def __init__(self, answer: httpx2.Response, text: str) -> None:
        self.status_code, self.headers, self.text = answer.status_code, answer.headers, text

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise RuntimeError(self.text)


class Door:
    """An HTTP client as MSAL wants it: what it sends to Microsoft goes to the stand-in, whose own address it never sees."""

    def __init__(self, url: str) -> None:
        self._url, self._client = url, httpx2.Client()

    def get(self, url: str, *, params: Any = None, headers: Any = None, **_: Any) -> Answer:
        return self._answer(self._client.get(self._there(url), params=params, headers=headers))

    def post(self, url: str, *, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> Answer:
        return self._answer(self._client.post(self._there(url), params=params, data=data, headers=headers))

    def close(self) -> None:
        self._client.close()

    def _there(self, url: str) -> str:
        return url.replace(OFFICIAL, self._url)

    def _answer(self, answer: httpx2.Response) -> Answer:
        return Answer(answer, answer.text.replace(self._url, OFFICIAL))
