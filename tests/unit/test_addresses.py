"""Where a client comes from: what our own proxies say of it, never what it says of itself."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request
from starlette.datastructures import Headers

from api.access.addresses import client_address, neighbourhood, parse_networks

TRUSTED = parse_networks("10.0.0.0/8, 2001:db8:ffff::/48")


def request(peer: str | None, *forwarded: str, name: str = "x-forwarded-for") -> Request:
    headers = Headers(raw=[(name.encode(), value.encode("latin-1")) for value in forwarded])
    client = None if peer is None else SimpleNamespace(host=peer)
    return cast(Request, SimpleNamespace(client=client, headers=headers))


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("198.51.100.9", (), "198.51.100.9"),
        ("198.51.100.9", ("203.0.113.7",), "198.51.100.9"),
        ("198.51.100.9", ("10.0.0.1",), "198.51.100.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        ("10.0.0.1", ("203.0.113.7, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("203.0.113.7", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("203.0.113.7, 198.51.100.1, 10.2.3.4",), "198.51.100.1"),
        ("10.0.0.1", ("203.0.113.7,198.51.100.1 ,\t10.2.3.4 ",), "198.51.100.1"),
        ("10.0.0.1", ("10.2.3.4",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7, unknown",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7, <script>",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7:4711",), "10.0.0.1"),
        ("10.0.0.1", ("2001:db8::7",), "2001:db8::7"),
        ("2001:db8:ffff::1", ("2001:DB8:0::7",), "2001:db8::7"),
        ("testclient", ("203.0.113.7",), "testclient"),
        (None, ("203.0.113.7",), "unknown"),
    ],
)
def test_the_last_hop_that_is_not_ours_counts(peer: str | None, forwarded: tuple[str, ...], seen: str) -> None:
    assert client_address(request(peer, *forwarded), TRUSTED) == seen


@pytest.mark.parametrize("header", ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"])
def test_no_other_header_names_an_address(header: str) -> None:
    assert client_address(request("10.0.0.1", "203.0.113.7", name=header), TRUSTED) == "10.0.0.1"


def test_without_proxies_no_header_is_believed() -> None:
    assert parse_networks("") == parse_networks(" , ") == []
    for peer in ("127.0.0.1", "10.0.0.1", "::1"):
        assert client_address(request(peer, "203.0.113.7"), []) == peer


def test_a_proxy_that_speaks_over_both_kinds_of_socket_is_the_same_proxy() -> None:
    assert client_address(request("::ffff:10.0.0.1", "203.0.113.7"), TRUSTED) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.9", "198.51.100.0/24"),
        ("198.51.100.255", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_neighbours_are_counted_together(address: str, network: str) -> None:
    assert neighbourhood(address) == network


def test_an_address_in_either_notation_is_the_same_neighbour() -> None:
    assert neighbourhood("::ffff:198.51.100.9") == neighbourhood("198.51.100.9")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example.com", "10.0.0.0/8;11.0.0.0/8"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="appear to be an IPv4 or IPv6 network"):
        parse_networks(text)


def test_one_address_is_a_network_too() -> None:
    networks: list[Any] = parse_networks("192.0.2.1,2001:db8::1")
    assert [str(network) for network in networks] == ["192.0.2.1/32", "2001:db8::1/128"]
