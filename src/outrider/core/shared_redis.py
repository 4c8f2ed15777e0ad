"""Counts kept by Redis: one script a question, so that each is atomic and one round trip."""

from pathlib import Path

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from outrider.core.shared import Bucket, Window

PATIENCE = 0.5  # seconds; a request waits no longer for a count
MOST_CONNECTIONS = 20
PREFIX = "outrider:"

# A hash of one window: the number of the window, its hits, those of the one before.
HIT = """
local limit, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local at = (time[1] + time[2] / 1e6) / seconds
local slot = math.floor(at)
local kept = redis.call('HMGET', KEYS[1], 'slot', 'used', 'previous')
local last, used, previous = tonumber(kept[1]) or slot, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
if last < slot then
  previous = last == slot - 1 and used or 0
  used = 0
end
local before = math.floor(previous * (1 - (at - slot)))
local allowed = before + used < limit and 1 or 0
used = used + allowed
redis.call('HSET', KEYS[1], 'slot', slot, 'used', used, 'previous', previous)
redis.call('EXPIRE', KEYS[1], 2 * seconds)
return {allowed, before + used, tostring((slot + 1 - at) * seconds)}
"""
# Both begin with the bucket as time has filled it.
FILLED = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local kept = redis.call('HMGET', KEYS[1], 'level', 'filled', 'open')
local level, filled, open = tonumber(kept[1]) or burst, tonumber(kept[2]) or now, tonumber(kept[3]) or 0
level = math.min(level + math.max(now - filled, 0) * rate, burst)
local function keep()
  redis.call('HSET', KEYS[1], 'level', tostring(level), 'filled', string.format('%.6f', now),
    'open', string.format('%.6f', open))
  redis.call('EXPIRE', KEYS[1], math.ceil((burst - level) / rate + math.max(open - now, 0)) + 1)
end
"""
TAKE = f"""{FILLED}
local units = tonumber(ARGV[3])
local wait = math.max((math.min(units, burst) - level) / rate, open - now, 0)
if wait == 0 then level = level - units end
keep()
return tostring(wait)
"""
PAUSE = f"""{FILLED}
open = math.max(open, now + tonumber(ARGV[3]))
level = math.min(level, 0)
keep()
"""


class RedisStore:
    """A `Store`. Asks once and waits briefly: whoever asked has a count of their own."""

    name = "redis"

    def __init__(self, url: str, *, ca_file: Path | None = None) -> None:
        self._redis = connect(url, ca_file=ca_file)
        self._hit, self._take, self._pause = (self._redis.register_script(each) for each in (HIT, TAKE, PAUSE))

    async def hit(self, key: str, *, limit: int, seconds: int) -> Window:
        allowed, used, reset = await self._hit(keys=[PREFIX + key], args=[limit, seconds])
        return Window(bool(allowed), int(used), float(reset))

    async def take(self, bucket: Bucket, units: float) -> float:
        return float(await self._take(keys=[PREFIX + bucket.key], args=[bucket.rate, bucket.burst, units]))

    async def pause(self, bucket: Bucket, seconds: float) -> None:
        await self._pause(keys=[PREFIX + bucket.key], args=[bucket.rate, bucket.burst, seconds])

    async def ping(self) -> str:
        """Returns the server's version."""
        return str((await self._redis.info("server"))["redis_version"])

    async def aclose(self) -> None:
        await self._redis.aclose(close_connection_pool=True)


def connect(url: str, *, ca_file: Path | None) -> Redis:
    """Opens nothing yet."""
    tls = {"ssl_ca_certs": str(ca_file)} if ca_file and url.startswith("rediss:") else {}
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=PATIENCE,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 1),  # a connection of before a restart
        client_name="outrider",
        decode_responses=True,
        **tls,
    )
    return Redis.from_pool(pool)
