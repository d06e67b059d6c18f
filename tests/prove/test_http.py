"""A sample of the proof of isolation over HTTP, as every change runs it; `python -m tests.prove` runs all of it."""

import secrets

import httpx
import pytest

from api.access.permissions import ROUTES
from tests.engine import Engine
from tests.prove import http
from tests.prove.http import asks, matrix
from tests.prove.http.attackers import Attacker
from tests.prove.http.ground import Side

VICTIM = "0198f0c2-7a51-7c3e-8b0e-5f0a3b1c2d4e"
SEEN = {
    "an id": {"text": VICTIM}, "a name": {"text": "Company mkfeed"}, "an id in a header": {"headers": {"Etag": VICTIM}},
    "a name in a header": {"headers": {"Location": "/mkfeed"}}, "an id in capitals": {"text": VICTIM.upper()},
    "a cursor": {"text": '{"next_cursor": "MDE5OGYwYzItN2E1MS03YzNlLThiMGUtNWYwYTNiMWMyZDRl"}'},
}  # fmt: skip


def test_no_caller_gets_anything_of_another_tenant_over_http(engine: Engine) -> None:
    seed = secrets.randbelow(1_000_000) + 1
    name, counts, failures, not_run = http.run(engine, seed, print, share=0.2)
    print(f"{name}, seed {seed}: {counts}; not run: {not_run}")
    assert failures == []
    assert counts["routes"] >= 70
    assert counts["attackers"] >= 20
    assert counts["hostile tokens"] >= 40
    assert counts["guesses"] == 100_000
    assert counts["probes"] >= 800
    assert counts["positives"] >= counts["routes"]


def side() -> Side:
    return Side(None, None, "mkfeed", {"company_id": VICTIM})  # type: ignore[arg-type]


@pytest.mark.parametrize("shown", SEEN.values(), ids=SEEN.keys())
def test_whatever_shows_the_victim_is_noticed(shown: dict[str, object]) -> None:
    blind = frozenset({VICTIM})
    assert matrix.shown_of(side(), blind, httpx.Response(404, **shown)) != []  # type: ignore[arg-type]
    assert matrix.shown_of(side(), blind, httpx.Response(404, text="There is nothing here.")) == []


def test_a_route_that_cannot_be_called_fails_and_says_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, ("GET", "/v1/new"), "campaigns:read")
    with pytest.raises(asks.UnknownRouteError, match=r"GET /v1/new is in api/access/permissions.py and in no OpenAPI"):
        asks.operations()


def test_a_route_with_a_new_kind_of_id_or_body_fails_and_says_what_to_add() -> None:
    operations = {operation.key: operation for operation in asks.operations()}
    with pytest.raises(asks.UnknownRouteError, match=r"give a Side an id for `campaign_id`"):
        asks.base(operations["GET", "/v1/campaigns/{campaign_id}"], side(), "company", side())
    creating = operations["POST", "/v1/campaigns"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(asks.BODIES, creating.key)
        with pytest.raises(asks.UnknownRouteError, match=r"declare a body in the subject's subject\.py"):
            asks.base(creating, side(), "company", side())


def test_every_attacker_is_expected_to_be_refused_where_it_may_not_be() -> None:
    operations = {operation.key: operation for operation in asks.operations()}
    campaign, users = operations["PATCH", "/v1/campaigns/{campaign_id}"], operations["GET", "/partner/v1/users"]
    with httpx.Client() as client:

        def expected(kind: str, tier: str | None, role: str | None = None, scope: str | None = None) -> list[object]:
            scopes = frozenset({scope}) if scope else None
            attacker = Attacker("somebody", kind, tier, side(), client, role, scopes)
            return [attacker.expected(campaign, "path"), attacker.expected(users, "nowhere")]

        assert expected("none", None) == [{401}, {401}]
        assert expected("refused", "company") == [{401}, {404}]
        assert expected("refused", "org") == [{401}, {401}]
        assert expected("weak", "platform", "platform_admin") == [{404}, {404}]
        assert expected("weak", "company", "company_member") == [None, {404}]
        assert expected("weak", "org", "org_admin", "users:read") == [{403}, None]
        assert expected("foreign", "company", "company_admin") == [{404}, {404}]
        assert expected("foreign", "org", "org_admin") == [{404}, {200}]
