"""Which addresses are public: all that a program of ours may reach by a name that somebody else chose."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Prefixes behind which the last 32 bits are an IPv4 address: of translators (RFC 6052, 8215, 7915).
_TRANSLATED = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96"))
# What is public at all of IPv6, and what of that is for documents only; the standard library knows neither everywhere.
_GLOBAL = ipaddress.ip_network("2000::/3")
_DOCUMENTS = ipaddress.ip_network("3fff::/20")


def is_public(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or in one of `networks`, which somebody has named."""
    inner = _inside(address)
    if any(inner in network for network in networks if network.version == inner.version):
        return True
    if isinstance(inner, ipaddress.IPv6Address) and (inner not in _GLOBAL or inner in _DOCUMENTS):
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def resolve(host: str, port: int) -> list[Address]:
    """What a name stands for now, in the order in which to try. Raises OSError where that is nothing."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("that is no name of a host") from None
    written = dict.fromkeys(str(address[0]).partition("%")[0] for _, _, _, _, address in found)
    return [ipaddress.ip_address(each) for each in written]


def _inside(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if any(address in network for network in _TRANSLATED):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
