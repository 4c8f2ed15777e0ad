"""Sixty ways to name an inside address, and twelve chains of redirects that end there: none may be reached."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.core.egress import Egress, EgressBlocked, EgressFailed, EgressUnresolved, Limits
from tests.core.listeners import Listener, listening, redirect
from tests.real.certificates import issue

# {port} is the listener's. Names under .example are answered by the table below.
URLS = """
http://127.0.0.1:{port}/
http://127.1:{port}/
http://127.0.1:{port}/
http://2130706433:{port}/
http://0x7f000001:{port}/
http://0x7f.1:{port}/
http://0x7f.0x0.0x0.0x1:{port}/
http://017700000001:{port}/
http://0177.0.0.1:{port}/
http://0177.0x0.0.1:{port}/
http://00000177.00.00.01:{port}/
http://127.0.0.1.:{port}/
http://0:{port}/
http://0.0.0.0:{port}/
http://0.0:{port}/
http://127.255.255.254:{port}/
http://localhost:{port}/
http://LOCALHOST:{port}/
http://localhost.:{port}/
http://[::1]:{port}/
http://[0:0:0:0:0:0:0:1]:{port}/
http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/
http://[::]:{port}/
http://[::ffff:127.0.0.1]:{port}/
http://[::ffff:7f00:1]:{port}/
http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/
http://[::127.0.0.1]:{port}/
http://[::1%25lo]:{port}/
http://[::1%lo]:{port}/
http://[64:ff9b::127.0.0.1]:{port}/
http://[64:ff9b:1::127.0.0.1]:{port}/
http://[2002:7f00:1::]:{port}/
http://[2001:0:7f00:1::80ff:fffe]:{port}/
http://[fe80::1]:{port}/
http://[fec0::1]:{port}/
http://169.254.169.254:{port}/latest/meta-data/
http://[fd00:ec2::254]:{port}/latest/meta-data/
http://127。0。0。1:{port}/
http://１２７.0.0.1:{port}/
http://①②⑦.⓪.⓪.①:{port}/
http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/
http://localhost%2e:{port}/
http://%6c%6f%63%61%6c%68%6f%73%74:{port}/
http://127.0.0.1%00.example:{port}/
http://public.example@127.0.0.1:{port}/
http://public.example:80@127.0.0.1:{port}/
http://user:secret@localhost:{port}/
http://127.0.0.1:{port}#@public.example/
http://127.0.0.1:{port}\\@public.example/
http://public.example\\@127.0.0.1:{port}/
http:\\\\127.0.0.1:{port}/
http:///127.0.0.1:{port}/
http://127.0.0.1\t:{port}/
ftp://127.0.0.1:{port}/
gopher://127.0.0.1:{port}/_x
file:///etc/passwd
//127.0.0.1:{port}/
https://127.0.0.1:{port}/
http://inside.example:{port}/
http://inside6.example:{port}/
http://alias.example:{port}/
http://mapped.example:{port}/
http://nat64.example:{port}/
http://dual.example:{port}/
http://dual6.example:{port}/
http://zero-ttl.example:{port}/
http://zoned.example:{port}/
http://bücher.example:{port}/
""".strip().split("\n")

NAMES = {
    "inside.example": ["127.0.0.1"],
    "inside6.example": ["::1"],
    "alias.example": ["127.0.0.1"],  # what the end of a chain of CNAMEs looks like to us
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "dual.example": ["93.184.216.34", "127.0.0.1"],
    "dual6.example": ["2606:2800:220:1::1", "::1"],
    "zoned.example": ["fe80::1%lo"],
    "xn--bcher-kva.example": ["127.0.0.1"],
}


class Resolver:
    """Answers the names above, numbers as the C library does, and `zero-ttl.example` differently each time."""

    def __init__(self) -> None:
        self.turns: Iterator[list[str]] = iter([["127.0.0.1"], ["8.8.8.8"]] * 50)

    async def __call__(self, name: str, port: int) -> list[str]:
        if name == "zero-ttl.example":
            return next(self.turns)
        if name in NAMES:
            return NAMES[name]
        return ["127.0.0.1", "::1"]  # anything else that gets here was meant to be read as the loopback


@pytest.fixture
async def inside():
    async with listening() as v4, listening("::1", v4.port):
        yield v4


async def attempt(egress: Egress, urls: list[str], **options: int) -> list[str]:
    """Requests each and returns those that were not refused by the guard itself."""
    passed = []
    for url in urls:
        try:
            await egress.request("GET", url, **options)
        except (EgressBlocked, EgressUnresolved):
            continue
        except Exception as error:  # noqa: BLE001 (any other failure means that the guard let it through)
            passed.append(f"{url}: {error!r}")
        else:
            passed.append(url)
    return passed


async def test_no_spelling_of_an_inside_address_reaches_it(inside: Listener):
    urls = [url.format(port=inside.port) for url in URLS]
    egress = Egress(ports=(80, 443, inside.port), resolver=Resolver())
    passed = await attempt(egress, urls)
    await egress.aclose()
    print(f"{len(passed)} of {len(urls)} addresses passed, {inside.connections} TCP connections arrived")
    assert len(urls) >= 60
    assert passed == []
    assert inside.connections == 0


async def test_the_same_vectors_reach_an_inside_address_that_is_allowed(inside: Listener):
    # Shows that it is the guard that stops them: with the guard told to let all through, many arrive.
    egress = Egress(allow=("0.0.0.0/0", "::/0"), resolver=Resolver(), limits=Limits(connect=0.5))
    leaving = ("dual", "zero", "169.254", "[2", "[6", "[f")
    urls = [url.format(port=inside.port) for url in URLS if not any(part in url for part in leaving)]
    refused = len(urls) - len(await attempt(egress, urls))
    await egress.aclose()
    print(f"{refused} of {len(urls)} refused as malformed, {inside.connections} TCP connections arrived")
    assert inside.connections >= 9


async def test_a_socket_for_mail_is_guarded_alike(inside: Listener):
    hosts = [*NAMES, "127.0.0.1", "[::1]", "::1", "127.1", "0x7f000001", "localhost", "::ffff:127.0.0.1", "2130706433"]
    hosts += ["fe80::1%lo", "", "a b", "127.0.0.1\0", "127.0.0.1:80", "user@127.0.0.1", "127。0。0。1", "10.0.0.1/8"]
    egress = Egress(resolver=Resolver())
    for host in hosts:
        with pytest.raises((EgressBlocked, EgressUnresolved)):
            await egress.connect(host, inside.port, timeout=1, ports_open=True)
    await egress.aclose()
    print(f"0 of {len(hosts)} hosts passed, {inside.connections} TCP connections arrived")
    assert inside.connections == 0


async def test_no_chain_of_redirects_ends_inside(inside: Listener):
    async with listening("127.0.0.2") as outside:
        ends = [
            f"http://127.0.0.1:{inside.port}/",
            f"http://[::1]:{inside.port}/",
            f"http://[::ffff:127.0.0.1]:{inside.port}/",
            f"http://2130706433:{inside.port}/",
            f"http://inside.example:{inside.port}/",
            f"http://dual.example:{inside.port}/",
            f"http://zero-ttl.example:{inside.port}/",
            f"//127.0.0.1:{inside.port}/",
            f"http://outside.example@127.0.0.1:{inside.port}/",
            "file:///etc/passwd",
            f"gopher://127.0.0.1:{inside.port}/_x",
            f"http://127。0。0。1:{inside.port}/",
        ]
        statuses = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
        for number, end in enumerate(ends):
            hops = number % 5
            for hop in range(hops):
                outside.routes[f"/{number}/{hop}"] = redirect(f"/{number}/{hop + 1}")
            location = end.encode().decode("latin-1")  # as the wire carries it
            outside.routes[f"/{number}/{hops}"] = redirect(location, statuses[number % 5])
        egress = Egress(allow=("127.0.0.2",), ports=(80, 443, inside.port), resolver=Resolver())
        starts = [f"{outside.url}/{number}/0" for number in range(len(ends))]
        passed = await attempt(egress, starts, redirects=5)
        await egress.aclose()
        walked = len(outside.requests)
    print(f"{len(passed)} of {len(ends)} chains passed, {inside.connections} TCP connections arrived, {walked} hops")
    assert walked == sum(number % 5 + 1 for number in range(len(ends)))
    assert passed == []
    assert inside.connections == 0


async def test_https_keeps_the_name_and_never_falls_back_to_http(tmp_path: Path):
    issue(tmp_path, host="secure.example")
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)

    async def resolver(name: str, port: int) -> list[str]:
        return ["127.0.0.2"]

    async with listening("127.0.0.2", tls=server_tls) as secure:
        egress = Egress(allow=("127.0.0.2",), resolver=resolver, ssl_context=trusting)
        base = f"https://secure.example:{secure.port}"
        assert (await egress.request("GET", base)).text == "hello"
        assert names == ["secure.example"]
        assert f"host: secure.example:{secure.port}" in secure.requests[0].lower()

        secure.routes["/down"] = redirect(f"http://secure.example:{secure.port}/")
        with pytest.raises(EgressBlocked, match="plain http"):
            await egress.request("GET", f"{base}/down", redirects=5)
        await egress.aclose()

        wary = Egress(allow=("127.0.0.2",), resolver=resolver, ssl_context=ssl.create_default_context())
        with pytest.raises(EgressFailed, match=r"^secure\.example has no valid certificate"):
            await wary.request("GET", base)
        with pytest.raises(EgressFailed, match=r"^other\.example "):
            await wary.request("GET", f"https://other.example:{secure.port}")
        await wary.aclose()
