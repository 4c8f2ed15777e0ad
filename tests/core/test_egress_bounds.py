"""No answer, however hostile, costs much memory or time. Each is met in a process of its own, to measure it alone."""

import asyncio
import json
import sys

import pytest

from outrider.core.egress import Egress, EgressFailed, Limits
from tests.core import bombs
from tests.core.listeners import answer, listening


async def met(*arguments: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.core.bombs", *arguments, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return json.loads(out)


@pytest.mark.parametrize("name", bombs.BOMBS)
async def test_a_bomb_costs_little_memory_and_ends_in_time(name):
    result = await met(name)
    print(result)
    # Only what stays small for ever may use up the time; all else is cut off by its size.
    assert ("took too long" in result["ended"]) is (name in {"slow-drip", "early-hints"})
    assert result["ended"] != "answered"
    assert result["megabytes"] < 50
    assert result["seconds"] <= bombs.LIMITS.total + 1


async def test_the_measure_sees_a_bomb_that_a_wider_limit_lets_through():
    result = await met("gzip", "90")
    print(result)
    assert result["megabytes"] > 50  # which is what all of them stay below


async def test_the_limits_fall_where_they_say():
    limits = Limits(body=1000, headers=2000)
    egress = Egress(allow=("127.0.0.1",), limits=limits)
    async with listening() as server:
        server.routes["/fits"] = answer(body=b"x" * 1000)
        server.routes["/over"] = answer(body=b"x" * 1001)
        server.routes["/heavy"] = answer(x_note="x" * 2000)
        assert len((await egress.request("GET", f"{server.url}/fits")).content) == 1000
        for path in ("/over", "/heavy"):
            with pytest.raises(EgressFailed, match="sent"):
                await egress.request("GET", server.url + path)
        # One request may be given other limits than the rest.
        assert (await egress.request("GET", f"{server.url}/over", limits=Limits())).status_code == 200
    await egress.aclose()


def test_the_default_limits_are_the_documented_ones():
    assert Limits() == Limits(connect=5, read=10, total=30, body=5 * 1024 * 1024, headers=64 * 1024)
