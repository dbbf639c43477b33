import pytest

from flow_engine.engine.errors import HttpRefused
from flow_engine.outbound.address_guard import AddressGuard, is_public, read_address

PUBLIC = (
	"1.1.1.1",
	"8.8.8.8",
	"93.184.216.34",
	"100.63.255.255",
	"100.128.0.0",
	"172.15.255.255",
	"172.32.0.1",
	"192.0.1.1",
	"223.255.255.255",
	"2606:4700:4700::1111",
	"2a00:1450:4001::200e",
	"::ffff:8.8.8.8",
	"64:ff9b::808:808",
	"2002:808:808::1",
)
CLOSED = (
	("this network", "0.0.0.0"),
	("this network", "0.1.2.3"),
	("private", "10.0.0.1"),
	("private", "172.16.0.1"),
	("private", "172.31.255.255"),
	("private", "192.168.1.1"),
	("carrier-grade NAT", "100.64.0.1"),
	("carrier-grade NAT", "100.127.255.254"),
	("loopback", "127.0.0.1"),
	("loopback", "127.255.255.254"),
	("link-local", "169.254.1.1"),
	("metadata", "169.254.169.254"),
	("metadata at a public address", "168.63.129.16"),
	("protocol assignments", "192.0.0.8"),
	("documentation", "192.0.2.1"),
	("documentation", "198.51.100.1"),
	("documentation", "203.0.113.9"),
	("benchmarks", "198.18.0.1"),
	("multicast", "224.0.0.1"),
	("reserved", "240.0.0.1"),
	("broadcast", "255.255.255.255"),
	("unspecified", "::"),
	("loopback", "::1"),
	("unique local", "fd12:3456::1"),
	("metadata", "fd00:ec2::254"),
	("link-local", "fe80::1"),
	("link-local with a scope", "fe80::1%eth0"),
	("site-local", "fec0::1"),
	("multicast", "ff02::1"),
	("documentation", "2001:db8::1"),
	("documentation", "3fff::1"),
	("Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
	("IPv4-mapped private", "::ffff:10.0.0.1"),
	("IPv4-mapped loopback", "::ffff:7f00:1"),
	("IPv4-mapped metadata", "::ffff:169.254.169.254"),
	("IPv4-compatible", "::127.0.0.1"),
	("6to4 private", "2002:a00:1::1"),
	("6to4 loopback", "2002:7f00:1::"),
	("NAT64 private", "64:ff9b::a00:1"),
	("NAT64 metadata", "64:ff9b::a9fe:a9fe"),
	("local NAT64", "64:ff9b:1::808:808"),
	("discard", "100::1"),
	("segment routing", "5f00::1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address):
	assert AddressGuard().check("example.com", 443, [address]) == [address]


@pytest.mark.parametrize(("why", "address"), CLOSED)
def test_an_address_that_is_not_public_is_refused(why, address):
	assert not is_public(read_address(address)), why
	with pytest.raises(HttpRefused):
		AddressGuard().check("example.com", 443, [address])


def test_one_private_address_among_public_ones_refuses_the_name():
	with pytest.raises(HttpRefused):
		AddressGuard().check("example.com", 443, ["8.8.8.8", "10.0.0.1"])


def test_what_is_no_address_is_refused():
	with pytest.raises(HttpRefused):
		AddressGuard(["example.com"]).check("example.com", 443, ["not-an-address"])


ALLOWED = (
	("name", "erp.internal", "erp.internal", 80, "10.0.0.5"),
	("name in any case, with its last dot", "ERP.Internal.", "erp.INTERNAL", 80, "10.0.0.5"),
	("name at a port", "erp.internal:8080", "erp.internal", 8080, "10.0.0.5"),
	("name over IPv6", "erp.internal", "erp.internal", 80, "fd12::5"),
	("address", "10.0.0.5", "anything", 80, "10.0.0.5"),
	("address at a port", "10.0.0.5:8080", "10.0.0.5", 8080, "10.0.0.5"),
	("range", "10.0.0.0/8", "anything", 80, "10.200.0.5"),
	("range written from one of its addresses", "10.0.0.5/8", "anything", 80, "10.200.0.5"),
	("IPv6 address", "fd12::5", "anything", 80, "fd12::5"),
	("IPv6 address in brackets", "[fd12::5]", "anything", 80, "fd12::5"),
	("IPv6 address at a port", "[fd12::5]:8080", "anything", 8080, "fd12::5"),
	("IPv6 range", "fd12::/16", "anything", 80, "fd12:1::5"),
	("IPv4 address, reached through its mapped form", "10.0.0.5", "anything", 80, "::ffff:10.0.0.5"),
	("metadata address, itself listed", "169.254.169.254", "anything", 80, "169.254.169.254"),
	("spaces around", "  10.0.0.5 ", "anything", 80, "10.0.0.5"),
)
NOT_ALLOWED = (
	("another name", "erp.internal", "crm.internal", 80, "10.0.0.5"),
	("a name under it", "erp.internal", "evil.erp.internal", 80, "10.0.0.5"),
	("another port of the name", "erp.internal:8080", "erp.internal", 22, "10.0.0.5"),
	("another port of the address", "10.0.0.5:8080", "10.0.0.5", 22, "10.0.0.5"),
	("another address", "10.0.0.5", "anything", 80, "10.0.0.6"),
	("outside the range", "10.0.0.0/24", "anything", 80, "10.0.1.5"),
	("metadata through a range", "169.254.0.0/16", "anything", 80, "169.254.169.254"),
	("metadata through a name", "erp.internal", "erp.internal", 80, "169.254.169.254"),
	("unspecified through a name", "erp.internal", "erp.internal", 80, "0.0.0.0"),
	("multicast through a range", "0.0.0.0/0", "anything", 80, "224.0.0.1"),
	("an empty entry", " ", "", 80, "10.0.0.5"),
)


@pytest.mark.parametrize(("why", "entry", "host", "port", "address"), ALLOWED)
def test_an_allowed_private_host_may_be_called(why, entry, host, port, address):
	assert AddressGuard([entry]).check(host, port, [address]) == [address], why


@pytest.mark.parametrize(("why", "entry", "host", "port", "address"), NOT_ALLOWED)
def test_an_allowance_opens_nothing_else(why, entry, host, port, address):
	with pytest.raises(HttpRefused):
		AddressGuard([entry]).check(host, port, [address])
