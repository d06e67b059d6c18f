"""From which address a client really comes: headers are believed from our own proxies only."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request

Network = IPv4Network | IPv6Network
SHARED = ip_network("100.64.0.0/10")  # between a carrier, or a cloud's edge, and those behind it


def parse_networks(text: str) -> list[Network]:
    """Return the networks of `OUTBOUND_TRUSTED_PROXIES`; ValueError names what is none."""
    return [ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]


def client_address(request: Request, trusted: list[Network]) -> str:
    """Return the last hop that is not one of our proxies. Whatever stands further left may be invented."""
    peer = request.client.host if request.client else "unknown"
    hops = [*(part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",")), peer]
    for hop in reversed(hops):
        address = _plain(hop)
        if address is None:
            return peer
        if not any(address in network for network in trusted):
            return str(address)
    return peer


def is_undeclared_proxy(request: Request, trusted: list[Network]) -> bool:
    """Tell whether somebody near forwards for others without being named in `OUTBOUND_TRUSTED_PROXIES`: a private
    address that says `X-Forwarded-For`. A stranger cannot pass for one, since his own address is public."""
    peer = _plain(request.client.host) if request.client else None
    if peer is None or "x-forwarded-for" not in request.headers or any(peer in network for network in trusted):
        return False
    return peer.is_private or peer in SHARED


def neighbourhood(address: str) -> str:
    """Return the network that is counted together: /24, or /64 for IPv6."""
    plain = _plain(address)
    if plain is None:
        return address
    return str(ip_network(f"{plain}/{24 if plain.version == 4 else 64}", strict=False))


def _plain(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, IPv4 for one that a listener on both reports in IPv6's spelling; None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
