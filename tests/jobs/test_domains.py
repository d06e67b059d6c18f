"""What the DNS says of sending domains: looked up by a job, from a real server, and shown by the preflight alone."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from api.connections.mail_auth import MailAuth, look_up, resolver_of
from api.settings import parse_name_servers
from tests.engine import Engine, draft, wait_for

TEXTS = {
    "whole.example.": '"v=spf1 include:_spf.mail.example -all"',
    "google._domainkey.whole.example.": '"v=DKIM1; k=rsa; p=MIGf" "MA0G"',
    "_dmarc.whole.example.": '"v=DMARC1; p=none"',
    "sub.whole.example.": '"other" ',
    "parted.example.": '"v=sp" "f1 -all"',
}
BROKEN = "broken.example."


def answered(packet: bytes, texts: dict[str, str]) -> bytes | None:
    """Return the answer to one question; None for a server that says nothing."""
    question = dns.message.from_wire(packet)
    name = question.question[0].name.to_text().lower()
    if name == "silent.example.":
        return None
    answer = dns.message.make_response(question)
    if name.endswith(BROKEN):
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif name in texts:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", texts[name].strip()))
    else:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()


@contextmanager
def server(texts: dict[str, str]) -> Generator[str]:
    """Run a name server on loopback; yield its address."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.2)
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                try:
                    packet, where = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                if (answer := answered(packet, texts)) is not None:
                    sock.sendto(answer, where)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"127.0.0.1:{sock.getsockname()[1]}"
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("whole.example", MailAuth(spf=True, dkim=True, dmarc=True)),
        ("sub.whole.example", MailAuth(spf=False, dkim=False, dmarc=True)),  # the organization's own counts below it
        ("parted.example", MailAuth(spf=True, dkim=False, dmarc=False)),
        ("nothing.example", MailAuth(spf=False, dkim=False, dmarc=False)),
        ("broken.example", MailAuth(spf=None, dkim=None, dmarc=None)),
        ("silent.example", MailAuth(spf=None, dkim=False, dmarc=False)),
        ("x" * 70 + ".example", MailAuth(spf=None, dkim=None, dmarc=None)),
    ],
)
def test_a_domain_is_looked_up(domain: str, expected: MailAuth) -> None:
    with server(TEXTS) as address:
        resolver = resolver_of(address)
        assert resolver is not None
        assert asyncio.run(look_up(resolver, domain)) == expected


def test_looking_up_can_be_turned_off() -> None:
    assert resolver_of("") is resolver_of(" , ") is None
    with pytest.raises(ValueError, match="nowhere"):
        resolver_of("nowhere at all")


def test_name_servers_are_addresses_with_ports_or_without() -> None:
    given = "192.0.2.1, 192.0.2.2:5353,2001:db8::1, [2001:db8::2]:54"
    expected = {"192.0.2.1": 53, "192.0.2.2": 5353, "2001:db8::1": 53, "2001:db8::2": 54}
    assert parse_name_servers(given) == expected
    assert parse_name_servers("system") is None


def test_the_preflight_says_what_a_sending_domain_lacks(workplace: Path) -> None:
    """By an engine of its own, which has a name server."""
    with server({}) as address:
        engine = Engine.start(workplace / "engine-with-dns", "--dns-servers", address)
        try:
            company = engine.new_organization().connected_company()
            campaign = draft(company, leads=1)

            def found() -> set[str]:
                answer = company.api.post(f"/v1/campaigns/{campaign}/preflight").raise_for_status().json()
                return {row["code"] for row in answer["warnings"]}

            wait_for("the look", lambda: {"spf_missing", "dkim_missing", "dmarc_missing"} <= found())
            shown = company.api.get("/v1/senders").json()["data"][0]
            assert "domain_auth" not in shown
        finally:
            engine.stop()
