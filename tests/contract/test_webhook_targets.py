"""Which targets webhooks may have: the public internet, what the operator has added, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from domain.errors import UrlNotAllowedError
from domain.values import WebhookUrl
from infrastructure.webhooks.targets import PublicTargets, SystemResolver, is_public


class Names:
    """As `Resolve`: hosts by name, and addresses as themselves."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = {name.replace("_", "."): found.split() for name, found in addresses.items()}
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self.addresses:
            raise OSError("Name or service not known")
        return self.addresses[host]


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1"),  # noqa: S104 - compared with, not listened at
        *("127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192"),
        *("192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("100::1", "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1"),
        *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "4000::1"),
    ],
)
def test_an_address_of_no_public_machine_is_none(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "2001:4860::1"),
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


async def test_a_host_is_asked_for_at_the_port_that_will_be_connected_to() -> None:
    names = Names(one_test="8.8.8.8")
    targets = PublicTargets([], names)
    for url in ("https://one.test/", "http://ONE.test/a?b", "https://one.test:8443"):
        await targets.require(WebhookUrl(url))
    assert names.asked == [("one.test", 443), ("one.test", 80), ("one.test", 8_443)]


@pytest.mark.parametrize(
    "found", ["127.0.0.1", "8.8.8.8 10.0.0.1", "::1", "fe80::1%eth0", "2606:4700:4700::1111 169.254.169.254"]
)
async def test_a_host_is_refused_for_any_address_that_is_not_public(found: str) -> None:
    with pytest.raises(UrlNotAllowedError):
        await PublicTargets([], Names(one_test=found)).require(WebhookUrl("https://one.test/"))


async def test_a_host_without_an_address_is_refused() -> None:
    for names in (Names(), Names(one_test="")):
        with pytest.raises(UrlNotAllowedError):
            await PublicTargets([], names).require(WebhookUrl("https://one.test/"))


async def test_networks_that_the_operator_added_are_let_through_and_no_others() -> None:
    names = Names(near_test="10.1.2.3", far_test="10.2.0.1", here_test="::1")
    targets = PublicTargets([ip_network("10.1.0.0/16"), ip_network("::1/128")], names)
    for host in ("near", "here"):
        await targets.require(WebhookUrl(f"http://{host}.test/"))
    with pytest.raises(UrlNotAllowedError):
        await targets.require(WebhookUrl("http://far.test/"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/", "http://127.0.0.1:5432/", "http://[::1]/", "http://127.1/", "http://0x7f.1/"),
        *("http://2130706433/", "http://0177.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://0/", "http://[::]:80/"),
    ],
)
async def test_this_machine_is_refused_however_it_is_written(url: str) -> None:
    resolver = SystemResolver()
    try:
        with pytest.raises(UrlNotAllowedError):
            await PublicTargets([], resolver).require(WebhookUrl(url))
    finally:
        resolver.close()


async def test_a_resolver_that_never_answers_is_not_waited_for() -> None:
    async def never(_: str, __: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(UrlNotAllowedError):
        await PublicTargets([], never, seconds=0.05).require(WebhookUrl("https://one.test/"))
