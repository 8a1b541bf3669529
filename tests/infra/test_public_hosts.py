"""What is public, in every way in which an address can be written."""

import ipaddress
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.infra.public_hosts import is_public, resolve

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.1.2.3",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::2", "fe80::1", "fe80::5efe:7f00:1", "fec0::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1",
    # IPv4 inside IPv6: mapped, compatible, translated, of a NAT64 and a local one, 6to4, Teredo.
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "::ffff:0:192.168.1.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1:fffe::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "1.1.1.1", "142.250.1.95", "2a00:1450:4001:800::200a", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize(("written", "public"), [*zip(PRIVATE, repeat(False)), *zip(PUBLIC, repeat(True))])
def test_only_public_addresses_are_public(written: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(written)) is public


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_as_public_as_by_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    inside = (
        f"::ffff:{address}",
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
    )
    assert {is_public(ipaddress.ip_address(each)) for each in inside} == {is_public(address)}


def test_a_network_that_was_named_may_be_reached() -> None:
    named = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")]
    assert is_public(ipaddress.ip_address("10.1.2.3"), named)
    assert is_public(ipaddress.ip_address("::ffff:10.1.2.3"), named)
    assert is_public(ipaddress.ip_address("fd00::1"), named)
    assert not is_public(ipaddress.ip_address("10.2.2.3"), named)


@pytest.mark.parametrize("odd", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost"])
def test_odd_ways_to_write_this_machine_are_seen_through(odd: str) -> None:
    try:
        found = resolve(odd, 443)
    except OSError:
        return
    assert not any(map(is_public, found))


@pytest.mark.parametrize("odd", ["", "a" * 300, "a..b", "\ud800", "no such host"])
def test_what_is_no_name_is_an_error_of_the_network(odd: str) -> None:
    with pytest.raises(OSError, match=r"."):
        resolve(odd, 443)
