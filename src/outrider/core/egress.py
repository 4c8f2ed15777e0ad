"""The only way out: every connection to a host that somebody named is opened here.

A name is resolved once, every address it has is checked, and the connection goes to a checked address, so no second
lookup can lead elsewhere. HTTP is bounded in time, size, encodings and redirects.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import httpcore2
import httpx2

from outrider.core.egress_http import (
    AnswerError,
    RedirectError,
    TooLargeError,
    answer_of,
    bounded_headers,
    check_type,
    next_hop,
    read_body,
)
from outrider.core.egress_table import Address, Allowance, is_public, normal_host, parse
from outrider.core.errors import Invalid, Unavailable

WEB_PORTS = frozenset({80, 443})
MAX_REDIRECTS = 5
MAX_ATTEMPTS = 8  # addresses tried for one connection; all are checked
RESOLVER_THREADS = 16

# Set by us alone: each decides where a request goes, how it is framed or what may come back.
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"}
)
# What a request gives; only this module knows the library behind it.
Answer = httpx2.Response
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
Opened = TypeVar("Opened")


class EgressBlocked(Invalid):
    """The address may not be reached, or the request may not leave in this form."""

    code = "egress_blocked"


class EgressUnresolved(Unavailable):
    """The name has no address, as far as we could learn."""

    code = "egress_unresolved"


class EgressFailed(Unavailable):
    """The host was allowed, but did not answer, or not within the limits."""

    code = "egress_failed"


class EgressUnreached(EgressFailed):
    """No connection came about, so nothing was sent."""


class EgressTooLarge(EgressFailed):
    """The answer was larger than asked for, and was not read to its end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: seconds, then bytes. `total` spans all redirects, `body` counts unpacked bytes."""

    connect: float = 5
    read: float = 10
    total: float = 30
    body: int = 5 * 2**20
    headers: int = 64 * 2**10


class Egress:
    """Guarded connections, and HTTP over them.

    `allow` is what the operator lets through besides the public internet: host names, addresses or networks, each
    with an optional `:port`; without one, every port of it is open. `ports` are open on the public internet.
    """

    def __init__(
        self,
        *,
        allow: tuple[str, ...] = (),
        ports: Collection[int] = WEB_PORTS,
        resolver: Resolver | None = None,
        limits: Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(map(Allowance.read, allow))
        self._ports = frozenset(ports)
        self._limits = limits or Limits()
        self._resolver = resolver or self._ask_system
        # Threads of its own: names that never resolve must not starve asyncio.to_thread.
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context or httpx2.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5,
            network_backend=_GuardedBackend(self._dial),
        )

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """Returns the addresses of a host, all of them checked. Raises EgressBlocked, EgressUnresolved."""
        _, addresses = await self._resolve(host, port)
        return tuple(map(str, addresses))

    async def connect(self, host: str, port: int, *, timeout: float, ports_open: bool = False) -> socket.socket:  # noqa: ASYNC109 (names, and each address, share it)
        """Returns a connected, non-blocking TCP socket to a checked address.

        With `ports_open` the caller vouches for the port; otherwise only the web's and the operator's are open.
        """
        return await self._dial(host, port, timeout, partial(_open_socket, port=port), ports_open=ports_open)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        redirects: int = 0,
        content_types: Collection[str] | None = None,
        limits: Limits | None = None,
    ) -> httpx2.Response:
        """Returns the answer, its body read and unpacked. Follows up to `redirects` (at most 5).

        `content_types` are media types such as `text/html`; an answer of another type is refused unread.
        """
        if not 0 <= redirects <= MAX_REDIRECTS:
            raise ValueError(f"redirects must be between 0 and {MAX_REDIRECTS}")
        limits = limits or self._limits
        if _OWN_HEADERS & {name.lower() for name in headers or ()}:
            raise EgressBlocked("The request sets a header that is not the caller's to set.")
        try:
            request = httpx2.Request(method, url, params=params, headers=headers, content=content, json=json, data=data)
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise EgressBlocked("That is not a valid web address.") from error
        with _said_plainly(request.url.host):
            async with asyncio.timeout(limits.total):
                return await self._follow(request, redirects, content_types, limits)

    async def aclose(self) -> None:
        await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _follow(
        self, request: httpx2.Request, redirects: int, content_types: Collection[str] | None, limits: Limits
    ) -> httpx2.Response:
        hops = 0
        while True:
            async with aclosing(await self._send(request, limits)) as answer:
                headers = bounded_headers(answer.headers, limits.headers)
                following = next_hop(request, answer.status, headers) if redirects else None
                if following is None:
                    check_type(headers, content_types)
                    body = await read_body(answer.aiter_stream(), headers, limits.body)
                    return answer_of(answer.status, headers, body, request)
            if hops == redirects:
                raise AnswerError("redirects too often.")
            request, hops = following, hops + 1

    async def _send(self, request: httpx2.Request, limits: Limits) -> httpcore2.Response:
        url = request.url
        if url.scheme not in {"http", "https"}:
            raise EgressBlocked("Only http and https addresses can be reached.")
        if url.userinfo:
            raise EgressBlocked("A web address may not contain a user name or password.")
        request.headers["accept-encoding"] = "gzip"
        request.headers.setdefault("accept", "*/*")
        request.headers.setdefault("user-agent", "Outrider")
        timeouts = {"connect": limits.connect, "read": limits.read, "write": limits.read, "pool": limits.connect}
        return await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.content,
                extensions={"timeout": timeouts},
            )
        )

    async def _resolve(self, host: str, port: int) -> tuple[str, tuple[Address, ...]]:
        try:
            name = normal_host(host)
        except ValueError as error:
            raise EgressBlocked("That is not a valid host name.") from error
        addresses = await self._look_up(name, port)
        for address in addresses:
            if not is_public(address) and not self._is_allowed(name, address, port):
                raise EgressBlocked(f"{name} is not on the public internet.")
        return name, addresses

    async def _look_up(self, name: str, port: int) -> tuple[Address, ...]:
        try:
            return (parse(name),)
        except ValueError:
            pass  # a name
        try:
            async with asyncio.timeout(self._limits.connect):
                found = await self._resolver(name, port)
            addresses = tuple(dict.fromkeys(map(parse, found)))
        except (OSError, ValueError) as error:  # TimeoutError and gaierror are OSErrors
            raise EgressUnresolved(f"The host {name} could not be found.") from error
        if not addresses:
            raise EgressUnresolved(f"The host {name} could not be found.")
        return addresses

    async def _ask_system(self, name: str, port: int) -> list[str]:
        lookup = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return [str(entry[4][0]) for entry in found]

    def _is_allowed(self, name: str, address: Address, port: int) -> bool:
        return any(entry.covers(name, address, port) for entry in self._allowed)

    async def _dial(
        self,
        host: str,
        port: int,
        timeout: float,  # noqa: ASYNC109
        open_one: Callable[[str], Awaitable[Opened]],
        *,
        ports_open: bool = False,
    ) -> Opened:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        try:
            async with asyncio.timeout_at(deadline):
                name, addresses = await self._resolve(host, port)
        except TimeoutError:
            raise EgressUnreached(f"{host} did not answer in time.") from None
        is_open = ports_open or port in self._ports
        if not is_open and not all(self._is_allowed(name, address, port) for address in addresses):
            raise EgressBlocked(f"Port {port} is not open to requests.")
        candidates = addresses[:MAX_ATTEMPTS]
        for left, address in zip(range(len(candidates), 0, -1), candidates, strict=True):
            # An equal share of the time left, so that one dead address does not use it up.
            try:
                async with asyncio.timeout((deadline - clock()) / left):
                    return await open_one(str(address))
            except (OSError, httpcore2.NetworkError):
                continue
        raise EgressUnreached(f"{name} does not answer on port {port}.")


@contextmanager
def _said_plainly(host: str) -> Iterator[None]:
    """Turns what the network may do into sentences that name the host asked for, and no address behind it."""
    try:
        yield
    except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
        raise EgressUnreached(f"{host} took too long to answer.") from error
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise EgressFailed(f"{host} took too long to answer.") from error
    except TooLargeError as error:
        raise EgressTooLarge(f"{host} {error}") from error
    except AnswerError as error:
        raise EgressFailed(f"{host} {error}") from error
    except RedirectError as error:
        raise EgressBlocked(f"{host} {error}") from error
    except httpcore2.LocalProtocolError as error:
        raise EgressBlocked("The request's method or headers are malformed.") from error
    except httpcore2.ProtocolError as error:
        raise EgressFailed(f"{host} did not answer in valid HTTP.") from error
    except httpcore2.ConnectError as error:  # TCP was up by then, so TLS failed
        raise EgressUnreached(f"{host} has no valid certificate or speaks no TLS.") from error
    except httpcore2.NetworkError as error:
        raise EgressFailed(f"{host} broke off the connection.") from error


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens the HTTP pool's connections through the guard; TLS and Host keep the name that was asked for."""

    def __init__(self, dial: Callable[..., Awaitable[httpcore2.AsyncNetworkStream]]) -> None:
        self._dial = dial
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        async def open_one(address: str) -> httpcore2.AsyncNetworkStream:
            return await self._plain.connect_tcp(address, port)

        return await self._dial(host, port, timeout or Limits().connect, open_one)


async def _open_socket(address: str, *, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock
