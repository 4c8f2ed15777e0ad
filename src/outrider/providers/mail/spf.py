"""What a domain's SPF record allows, read as a receiver reads it (RFC 7208)."""

import re
from dataclasses import dataclass, field

from outrider.providers.mail.dns import Dns

MOST_LOOKUPS, MOST_VOID = 10, 2  # 4.6.4: more is a permanent error, and the record counts for nothing
_TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists|redirect|exp|[a-z][a-z0-9_.-]*)"
    r"(?P<mark>[:=/]?)(?P<value>\S*)",
    re.IGNORECASE,
)
_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})


class SpfBroken(Exception):
    """Receivers treat the record as an error; the text says why."""


@dataclass(slots=True)
class Spf:
    """`included` are all domains whose records take part; `ending` is the sign before `all`, empty without one."""

    record: str
    lookups: int = 0
    void: int = 0
    ending: str = ""
    included: set[str] = field(default_factory=set)


async def read(dns: Dns, domain: str) -> Spf | None:
    """Returns the domain's policy, None without one. Raises SpfBroken, LookupFailed."""
    record = await _record(dns, domain)
    if record is None:
        return None
    policy = Spf(record)
    await _walk(dns, domain, record, policy)
    return policy


async def _record(dns: Dns, domain: str) -> str | None:
    found = [each for each in await dns.txt(domain) if each.lower() == "v=spf1" or each.lower().startswith("v=spf1 ")]
    if len(found) > 1:
        raise SpfBroken(f"{domain} has {len(found)} SPF records; only one may stand there.")
    return found[0] if found else None


async def _walk(dns: Dns, domain: str, record: str, policy: Spf, *, is_inner: bool = False) -> None:
    redirect = ""
    for word in record.split()[1:]:
        sign, name, value = _term(word, domain)
        if name == "all" and not is_inner:
            policy.ending = sign or "+"
        if name == "redirect":
            redirect = value
            continue
        if name in _ASKING:
            _count(policy)
        if name == "include":
            await _follow(dns, value, policy)
        elif name in {"a", "mx", "exists"}:
            await _resolve(dns, name, value or domain, policy)
    if redirect and not policy.ending:
        _count(policy)
        inner = await _record(dns, redirect)
        if inner is None:
            raise SpfBroken(f"It redirects to {redirect}, which has no SPF record.")
        policy.included.add(redirect.lower())
        await _walk(dns, redirect, inner, policy, is_inner=is_inner)


def _term(word: str, domain: str) -> tuple[str, str, str]:
    match = _TERM.fullmatch(word)
    name = match["name"].lower() if match else ""
    is_modifier = match is not None and match["mark"] == "=" and not match["sign"]
    if match is None or (name not in _MECHANISMS and not is_modifier):
        raise SpfBroken(f"{domain}: “{word[:80]}” is no part of an SPF record.")
    if name in {"include", "ip4", "ip6", "exists", "redirect"} and not match["value"]:
        raise SpfBroken(f"{domain}: “{word[:80]}” names nothing.")
    value = match["value"].split("/")[0] if match["mark"] != "/" else ""
    return match["sign"], name, value.rstrip(".")


async def _follow(dns: Dns, domain: str, policy: Spf) -> None:
    if "%" in domain:  # a macro depends on the mail
        return
    inner = await _record(dns, domain)
    if inner is None:
        raise SpfBroken(f"It includes {domain}, which has no SPF record.")
    policy.included.add(domain.lower())
    await _walk(dns, domain, inner, policy, is_inner=True)


async def _resolve(dns: Dns, name: str, target: str, policy: Spf) -> None:
    if "%" in target:
        return
    found = bool(await dns.mx(target)) if name == "mx" else await dns.has_address(target)
    if not found:
        policy.void += 1
        if policy.void > MOST_VOID:
            raise SpfBroken(f"More than {MOST_VOID} of its names do not exist, {target} among them.")


def _count(policy: Spf) -> None:
    policy.lookups += 1
    if policy.lookups > MOST_LOOKUPS:
        raise SpfBroken(f"It needs more than {MOST_LOOKUPS} lookups, so receivers ignore it. Take includes out.")
