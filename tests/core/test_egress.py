"""Connecting and requesting through the guard, against real listeners."""

import asyncio
import gzip
import socket

import httpx2
import pytest

from outrider.core.egress import (
    Egress,
    EgressBlocked,
    EgressFailed,
    EgressTooLarge,
    EgressUnreached,
    EgressUnresolved,
    Limits,
)
from outrider.core.errors import Invalid, Unavailable
from tests.core.listeners import answer, listening, redirect, talking


@pytest.fixture
async def inside():
    async with listening() as listener:
        yield listener


@pytest.fixture
async def egress():
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


def answers(*rounds):
    """Returns a resolver that gives each round of addresses in turn, then the last for ever, and its calls."""
    calls = []

    async def resolver(name, port):
        calls.append(name)
        return rounds[min(len(calls), len(rounds)) - 1]

    return resolver, calls


async def test_an_allowed_host_answers(egress, inside):
    response = await egress.request("GET", f"{inside.url}/", params={"q": "a b"})
    assert (response.status_code, response.text) == (200, "hello")
    assert inside.requests[0].startswith("GET /?q=a+b HTTP/1.1\r\n")
    assert "accept-encoding: gzip\r\n" in inside.requests[0].lower()


async def test_json_and_form_bodies_are_sent(egress, inside):
    await egress.request("POST", inside.url, json={"a": 1})
    await egress.request("POST", inside.url, data={"a": "1"})
    assert inside.requests[0].endswith('{"a":1}')
    assert inside.requests[1].endswith("a=1")


async def test_the_name_is_resolved_once_and_the_checked_address_is_used(inside):
    async with listening("127.0.0.2", inside.port) as good:
        # A rebinding name: the first answer passes, every later one leads inside.
        resolver, calls = answers(["127.0.0.2"], ["127.0.0.1"])
        egress = Egress(allow=("127.0.0.2",), resolver=resolver)
        await egress.request("GET", f"http://rebind.example:{inside.port}/")
        with pytest.raises(EgressBlocked):
            await egress.connect("rebind.example", inside.port, timeout=1, ports_open=True)
        await egress.aclose()
    assert calls == ["rebind.example"] * 2
    assert (good.connections, inside.connections) == (1, 0)
    assert f"host: rebind.example:{inside.port}" in good.requests[0].lower()


async def test_one_bad_address_among_good_ones_refuses_the_host(inside):
    for bad in ("127.0.0.1", "::1", "10.0.0.1"):
        resolver, _ = answers(["93.184.216.34", "2606:2800:220:1::1", bad])
        egress = Egress(ports=(inside.port,), resolver=resolver)
        with pytest.raises(EgressBlocked):
            await egress.request("GET", f"http://dual.example:{inside.port}/")
        await egress.aclose()
    assert inside.connections == 0


async def test_a_dead_address_does_not_use_up_the_time_of_the_next(inside):
    # With its queue full, a listener leaves newcomers waiting, as a firewall would that drops their packets.
    dead = socket.create_server(("127.0.0.3", inside.port), backlog=0)
    fill = [socket.socket() for _ in range(4)]
    for sock in fill:
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.3", inside.port))
    resolver, _ = answers(["127.0.0.3", "127.0.0.1"])
    egress = Egress(allow=("127.0.0.0/8",), resolver=resolver)
    sock = await egress.connect("two.example", inside.port, timeout=1)
    assert sock.getpeername() == ("127.0.0.1", inside.port)
    assert not sock.getblocking()
    for each in (sock, dead, *fill):
        each.close()
    await egress.aclose()


async def test_ports_are_closed_unless_somebody_vouches_for_them(inside):
    resolver, _ = answers(["93.184.216.34"])
    egress = Egress(resolver=resolver)
    with pytest.raises(EgressBlocked, match=r"^Port 25 is not open to requests\.$"):
        await egress.connect("mail.example", 25, timeout=1)
    with pytest.raises(EgressBlocked):
        await egress.request("GET", "http://mail.example:25/")
    await egress.aclose()

    narrow = Egress(allow=(f"127.0.0.1:{inside.port + 1}",))
    with pytest.raises(EgressBlocked):
        await narrow.request("GET", inside.url)
    await narrow.aclose()
    assert inside.connections == 0


async def test_vouching_for_a_port_opens_no_inside_address(inside):
    egress = Egress()
    with pytest.raises(EgressBlocked):
        await egress.connect("127.0.0.1", inside.port, timeout=1, ports_open=True)
    await egress.aclose()
    assert inside.connections == 0


async def test_a_name_without_addresses_is_unresolved():
    for found in ([], ["not an address"]):
        egress = Egress(resolver=answers(found)[0])
        with pytest.raises(EgressUnresolved, match=r"^The host nowhere\.example could not be found\.$"):
            await egress.resolve("nowhere.example", 443)
        await egress.aclose()


async def test_the_system_resolver_is_asked_and_its_answer_checked():
    egress = Egress(allow=("localhost",))
    assert set(await egress.resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    await egress.aclose()
    strict = Egress()
    with pytest.raises(EgressBlocked):
        await strict.resolve("localhost", 80)
    await strict.aclose()


async def test_a_resolver_that_hangs_is_given_up():
    async def hangs(name, port):
        await asyncio.sleep(60)

    egress = Egress(resolver=hangs, limits=Limits(connect=0.1))
    async with asyncio.timeout(2):
        with pytest.raises(EgressUnresolved):
            await egress.resolve("slow.example", 443)
        with pytest.raises(EgressUnresolved):
            await egress.connect("slow.example", 443, timeout=1)
        with pytest.raises((EgressUnresolved, EgressFailed)):
            await egress.connect("slow.example", 443, timeout=0.05)
    await egress.aclose()


async def test_a_refused_connection_says_so_and_names_no_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        resolver, _ = answers(["127.0.0.1"])
        named = Egress(allow=("127.0.0.0/8",), resolver=resolver)
        with pytest.raises(EgressFailed) as failed:
            await named.connect("closed.example", port, timeout=1)
        await named.aclose()
    assert failed.value.message == f"closed.example does not answer on port {port}."


async def test_an_error_tells_whether_anything_was_sent(egress, inside):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(EgressUnreached):
            await egress.request("POST", f"http://127.0.0.1:{taken.getsockname()[1]}/", content=b"x")

    async def hang_up(reader, writer):
        await reader.read(100)
        writer.close()

    async with talking(hang_up) as port:
        with pytest.raises(EgressFailed) as failed:
            await egress.request("POST", f"http://127.0.0.1:{port}/", content=b"x")
    assert not isinstance(failed.value, EgressUnreached)


async def test_an_answer_that_is_too_large_is_told_apart(egress, inside):
    inside.routes["/"] = answer(body=b"x" * 2_000)
    with pytest.raises(EgressTooLarge):
        await egress.request("GET", inside.url, limits=Limits(body=1_000))


async def test_no_error_tells_the_address_behind_a_name():
    said = []
    for found in (["10.11.12.13"], ["fd12::3"], ["10.11.12.13", "8.8.8.8"]):
        egress = Egress(resolver=answers(found)[0])
        with pytest.raises(EgressBlocked) as blocked:
            await egress.request("GET", "http://intranet.example/")
        said.append(f"{blocked.value.message} {blocked.value.details}")
        await egress.aclose()
    assert [text for text in said if "10.11" in text or "fd12" in text] == []


def test_the_errors_are_the_ones_a_contract_knows():
    assert issubclass(EgressBlocked, Invalid)
    assert issubclass(EgressUnresolved, Unavailable)
    assert issubclass(EgressFailed, Unavailable)


async def test_proxies_of_the_environment_are_ignored(inside, monkeypatch):
    async with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        egress = Egress(allow=("127.0.0.1",))
        await egress.request("GET", inside.url)
        await egress.aclose()
    assert (proxy.connections, inside.connections) == (0, 1)


async def test_no_cookie_is_kept_between_requests(egress, inside):
    inside.routes["/"] = answer(body=b"x", set_cookie="sid=1")
    await egress.request("GET", inside.url)
    await egress.request("GET", inside.url)
    assert not any("cookie:" in head.lower() for head in inside.requests)


@pytest.mark.parametrize("url", ["http://user@127.0.0.1:{}", "http://user:secret@127.0.0.1:{}", "ftp://127.0.0.1:{}"])
async def test_an_address_with_a_login_or_another_scheme_is_refused_even_where_the_host_is_allowed(egress, inside, url):
    with pytest.raises(EgressBlocked):
        await egress.request("GET", url.format(inside.port))
    assert inside.connections == 0


@pytest.mark.parametrize("name", ["Host", "Transfer-Encoding", "content-length", "Connection", "Upgrade"])
async def test_headers_that_decide_framing_or_routing_are_not_the_callers(egress, inside, name):
    with pytest.raises(EgressBlocked):
        await egress.request("GET", inside.url, headers={name: "x"})
    assert inside.connections == 0


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b"])
async def test_a_header_value_with_a_line_break_never_leaves(egress, inside, value):
    with pytest.raises(EgressBlocked):
        await egress.request("GET", inside.url, headers={"X-Note": value})
    assert inside.requests == []


async def test_a_redirect_is_an_answer_unless_it_was_asked_to_be_followed(egress, inside):
    inside.routes["/"] = redirect("/there")
    response = await egress.request("GET", inside.url)
    assert (response.status_code, response.headers["location"]) == (302, "/there")
    assert (await egress.request("GET", inside.url, redirects=1)).text == "hello"


async def test_more_redirects_than_asked_for_end_the_request(egress, inside):
    inside.routes["/"] = redirect("/")
    with pytest.raises(EgressFailed, match="redirects too often"):
        await egress.request("GET", inside.url, redirects=5)
    assert len(inside.requests) == 6
    with pytest.raises(ValueError, match="between 0 and 5"):
        await egress.request("GET", inside.url, redirects=6)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        ("301 Moved", "POST", "GET"),
        ("302 Found", "POST", "GET"),
        ("303 See Other", "PUT", "GET"),
        ("303 See Other", "HEAD", "HEAD"),
        ("307 Temporary", "POST", "POST"),
        ("308 Permanent", "POST", "POST"),
    ],
)
async def test_a_redirect_keeps_or_changes_the_method_as_http_says(egress, inside, status, method, then):
    inside.routes["/"] = redirect("/there", status)
    content = None if method == "HEAD" else "body"
    await egress.request(method, inside.url, content=content, headers={"X-Key": "k"}, redirects=1)
    assert inside.requests[1].startswith(f"{then} /there ")
    assert inside.requests[1].endswith("body") is (then == "POST")
    assert "x-key: k" in inside.requests[1].lower()


async def test_no_credential_follows_a_redirect_to_another_host(inside):
    async with listening("127.0.0.2") as other:
        egress = Egress(allow=("127.0.0.0/8",), resolver=answers(["127.0.0.2"])[0])
        keys = {
            "Authorization": "Bearer key-1",
            "Cookie": "key-2",
            "X-Api-Key": "key-3",
            "Proxy-Authorization": "key-4",
        }
        for number, target in enumerate((other.url, f"http://other.example:{other.port}")):
            inside.routes[f"/{number}"] = redirect(f"{target}/landed")
            await egress.request("GET", f"{inside.url}/{number}", headers=keys | {"Accept": "text/x"}, redirects=1)
        await egress.aclose()
    leaked = [head for head in other.requests if "key-" in head or "authorization" in head.lower()]
    print(f"{len(leaked)} of {len(other.requests)} requests to another host carried a credential")
    assert len(other.requests) == 2
    assert leaked == []
    assert all("accept: text/x" in head.lower() for head in other.requests)


async def test_a_body_is_not_redirected_to_another_host(inside):
    egress = Egress(allow=("127.0.0.0/8",))
    async with listening("127.0.0.2") as other:
        inside.routes["/"] = redirect(f"{other.url}/landed", "307 Temporary")
        with pytest.raises(EgressBlocked):
            await egress.request("POST", inside.url, content="secret", redirects=1)
    await egress.aclose()
    assert other.connections == 0


async def test_an_answer_of_another_type_is_refused(egress, inside):
    inside.routes["/"] = answer(body=b"%PDF", content_type="application/pdf")
    with pytest.raises(EgressFailed, match="type of content"):
        await egress.request("GET", inside.url, content_types=("text/html",))
    inside.routes["/"] = answer(body=b"<p>", content_type="Text/HTML; charset=utf-8")
    assert (await egress.request("GET", inside.url, content_types=("text/html",))).text == "<p>"


async def test_a_packed_answer_comes_unpacked(egress, inside):
    inside.routes["/"] = answer(body=gzip.compress(b"packed"), content_encoding="gzip")
    response = await egress.request("GET", inside.url)
    assert isinstance(response, httpx2.Response)
    assert response.text == "packed"
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("body", [b"not gzip", b"\x1f\x8b\x08", b""])
async def test_a_body_that_cannot_be_unpacked_is_an_error_and_an_empty_one_is_not(egress, inside, body):
    inside.routes["/"] = answer(body=body, content_encoding="gzip")
    if body:
        with pytest.raises(EgressFailed, match="can't be unpacked"):
            await egress.request("GET", inside.url)
    else:
        assert (await egress.request("GET", inside.url)).content == b""


@pytest.mark.parametrize("garbage", [b"", b"SSH-2.0-OpenSSH\r\n", b"\0" * 100, b"HTTP/1.1 999999\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_said_plainly(egress, garbage):
    async def talk(reader, writer):
        writer.write(garbage)
        writer.close()

    async with talking(talk) as port:
        with pytest.raises(EgressFailed, match=r"^127\.0\.0\.1 "):
            await egress.request("GET", f"http://127.0.0.1:{port}/")
