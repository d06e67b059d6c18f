"""Whether a domain that mail is sent from says so in the DNS: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

Each is true, false, or null where no server would say. Of DKIM only the common selectors can be looked for, so false
means that none of them is there.
"""

import asyncio
import re
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver
from publicsuffixlist import PublicSuffixList

from api.settings import parse_name_servers

SECONDS = 3.0
# Of Google, Microsoft, and what is set up by hand most.
SELECTORS = ("google", "selector1", "selector2", "default", "dkim", "mail", "k1", "s1", "s2", "smtp")
SUFFIXES = PublicSuffixList()
SPF, DMARC = re.compile(r"v=spf1(?:\s|$)"), re.compile(r"v\s*=\s*dmarc1\s*(?:;|$)")
DKIM = re.compile(r"(?:[^;]{0,500};){0,20}\s*p\s*=\s*[a-z0-9+/]")  # an empty key was taken back


@dataclass(frozen=True)
class MailAuth:
    """What the DNS says of a domain."""

    spf: bool | None
    dkim: bool | None
    dmarc: bool | None


def resolver_of(servers: str) -> dns.asyncresolver.Resolver | None:
    """Return a resolver for `OUTBOUND_DNS_SERVERS`; None for none, or where the system has none. Raises ValueError for
    what is no address."""
    wanted = parse_name_servers(servers)
    if wanted == {}:
        return None
    try:
        resolver = dns.asyncresolver.Resolver(configure=wanted is None)
    except dns.resolver.NoResolverConfiguration:
        return None
    resolver.lifetime = resolver.timeout = SECONDS
    if wanted is not None:
        resolver.nameservers, resolver.nameserver_ports = list(wanted), wanted
    return resolver


async def look_up(resolver: dns.asyncresolver.Resolver, domain: str) -> MailAuth:
    """Look a domain up, all of it at once; within a few seconds, whatever the servers do."""
    whole = SUFFIXES.privatesuffix(domain) or domain
    places = dict.fromkeys((f"_dmarc.{domain}", f"_dmarc.{whole}"))
    spf, *found = await asyncio.gather(
        _has(resolver, domain, SPF),
        *(_has(resolver, place, DMARC) for place in places),
        *(_has(resolver, f"{selector}._domainkey.{domain}", DKIM) for selector in SELECTORS),
    )
    return MailAuth(spf=spf, dmarc=_any(found[: len(places)]), dkim=_any(found[len(places) :]))


def _any(found: list[bool | None]) -> bool | None:
    """Return true where one is, else null where one is not known."""
    return True if True in found else None if None in found else False


async def _has(resolver: dns.asyncresolver.Resolver, name: str, mark: re.Pattern[str]) -> bool | None:
    try:
        answer = await resolver.resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return False
    except (dns.exception.DNSException, OSError, ValueError):
        return None
    texts = (b"".join(record.strings).decode("utf-8", "replace").lower() for record in answer)
    return any(mark.match(text) for text in texts)
