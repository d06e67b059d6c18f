"""What the rightful reader sees: rows in every view, all of their own, and no word of who sends for them."""

import re

import httpx
import pytest

from tests.dashboards.filling import Tenants
from tests.dashboards.reading import dashboard_token, reader, rows, views_of
from tests.engine import Engine

PROVIDER_WORDS = re.compile(
    r"smartlead|instantly|heyreach|provider|connection_id|external_id|account_id|binding", re.IGNORECASE
)
OF_ORGANIZATIONS = {"company_rollup"}


@pytest.mark.parametrize("tier", ["company", "org"])
def test_every_view_shows_the_rightful_reader_rows_of_their_own(engine: Engine, tenants: Tenants, tier: str) -> None:
    api = tenants.one.company.api if tier == "company" else tenants.one.org.api
    client, own = reader(engine, dashboard_token(api)), {tenants.one.company.id}
    if tier == "org":
        own |= {tenants.two.company.id}
    views = views_of(engine)
    assert len(views) >= 10
    for view in views:
        if tier == "company" and view in OF_ORGANIZATIONS:
            assert client.get(f"/{view}").status_code == 403
            continue
        shown = rows(client, view)
        expected = own | {None} if (tier, view) == ("org", "suppression_summary") else own
        assert {row["company_id"] for row in shown} == expected, view
        answer = client.get(f"/{view}")
        assert not PROVIDER_WORDS.search(answer.text + str(answer.headers)), view


@pytest.mark.parametrize("tier", ["company", "org"])
def test_the_document_names_what_may_be_read_and_no_provider(engine: Engine, tenants: Tenants, tier: str) -> None:
    api = tenants.one.company.api if tier == "company" else tenants.one.org.api
    answer = reader(engine, dashboard_token(api)).get("/")
    document = answer.raise_for_status().json()
    left_out = OF_ORGANIZATIONS if tier == "company" else set()
    assert set(document["definitions"]) == set(views_of(engine)) - left_out
    assert set(document["paths"]) == {"/", *(f"/{view}" for view in document["definitions"])}
    assert not PROVIDER_WORDS.search(answer.text + str(answer.headers))


def test_a_write_by_the_rightful_reader_is_no_fault_of_the_engine(engine: Engine, tenants: Tenants) -> None:
    client = reader(engine, dashboard_token(tenants.one.company.api))
    for method in ("POST", "PATCH", "DELETE"):
        answer = client.request(method, "/entitlement_status", params={"capability": "eq.x"}, json={"capability": "x"})
        assert answer.status_code == 405, f"{method}: {answer.text}"


def test_without_the_permission_to_read_conversations_there_are_no_replies(engine: Engine, tenants: Tenants) -> None:
    made = tenants.one.company.api.post("/v1/api-tokens", json={"scopes": ["dashboards:read"]}).raise_for_status()
    with httpx.Client(base_url=engine.api_url, headers={"Authorization": f"Bearer {made.json()['token']}"}) as narrow:
        client = reader(engine, dashboard_token(narrow))
    assert rows(client, "reply_feed") == []
    assert rows(client, "campaign_overview") != []
