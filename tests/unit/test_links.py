"""Which link of a campaign a click was on, and that no tracking's link passes for one."""

import time

import pytest

from api.events.links import own_link

OFFER, NAMED = "https://acme.example/offer?a=1", "https://acme.example/p/{{first_name}}-{{custom.city}}?to={{company}}"
LINKS = ["https://acme.example/", OFFER, NAMED, "https://www.b.example/a%20b", "https://c.example/#/prices"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://acme.example", "https://acme.example/"),
        ("HTTPS://ACME.example:443/?utm_source=x", "https://acme.example/"),
        ("https://acme.example/offer?utm_source=x&a=1#top", OFFER),
        ("https://acme.example/offer?a=2", None),
        ("https://acme.example/offer/more?a=1", None),
        ("https://acme.example/p/Lea-Bonn?to=Acme&utm_source=x", "https://acme.example/p/Lea-Bonn"),
        ("https://acme.example/p/https://open.tracker.example/-x?to=Acme", None),
        ("https://b.example/a b", "https://www.b.example/a%20b"),
        ("https://c.example/", "https://c.example/#/prices"),
        ("https://open.tracker.example/c/1", None),
        ("https://open.tracker.example/?u=https://acme.example/", None),
        ("https://acme.example@open.tracker.example/", None),
        ("https://open.tracker.example\\@acme.example/", None),
        ("javascript:alert(1)", None),
        ("", None),
        ("https://[x", None),
    ],
)
def test_a_click_is_on_one_of_the_campaigns_links_or_none(url: str, shown: str | None) -> None:
    assert own_link(url, LINKS) == shown


def test_no_link_costs_more_than_its_length() -> None:
    links = ["https://acme.example/" + "{{a}}-" * 50 + "z", "https://acme.example/s?n=" + "{{a}}" * 50 + "z"]
    begun = time.process_time()
    for url in ("https://acme.example/" + "a-" * 900, "https://acme.example/s?n=" + "a" * 100_000):
        assert own_link(url, links) is None
    assert time.process_time() - begun < 0.25
