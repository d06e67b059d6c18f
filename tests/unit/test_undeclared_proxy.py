"""Who passes for a proxy that was not declared: a near one that forwards, never a stranger."""

import pytest
from fastapi import Request

from api.access.addresses import is_undeclared_proxy, parse_networks


def request(peer: str, *, forwarded: bool = True) -> Request:
    headers = [(b"x-forwarded-for", b"203.0.113.7")] if forwarded else []
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    "peer", ["10.0.0.3", "192.168.4.4", "172.20.0.2", "100.64.7.1", "127.0.0.1", "::1", "fd12::7", "::ffff:10.1.2.3"]
)
def test_a_private_address_that_forwards_is_one(peer: str) -> None:
    assert is_undeclared_proxy(request(peer), [])
    assert not is_undeclared_proxy(request(peer, forwarded=False), [])
    assert not is_undeclared_proxy(request("10.0.0.3"), parse_networks("10.0.0.0/8"))


@pytest.mark.parametrize("peer", ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "unknown"])
def test_a_stranger_is_none_whatever_he_says(peer: str) -> None:
    assert not is_undeclared_proxy(request(peer), [])
