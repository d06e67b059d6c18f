"""Whose turn it is on an account that companies share: drawn by weight, however many campaigns each of them has."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from api.leads.jobs import SQL
from tests.database.tenants import Company, put, seed_organization

Conn = psycopg.Connection[Any]
DRAWS = 150


def with_campaigns(conn: Conn, company: Company, count: int, weight: int) -> None:
    """Give a company a weight and so many campaigns with a lead to be handed over."""
    own = {"org_id": company.org_id, "company_id": company.id}
    conn.execute("update outbound.connections set weight = %s where id = %s", [weight, company.rows["connections"]])
    conn.execute("update outbound.campaigns set deleted_at = now() where company_id = %s", [company.id])
    for number in range(count):
        campaign = put(conn, "campaigns", {
            **own, "name": f"{number}", "capability": "email_outreach", "status": "active", "synced_revision": 1,
            "started_at": "2026-01-01T00:00:00Z",
        })  # fmt: skip
        put(conn, "campaign_bindings", {
            **own, "campaign_id": campaign, "connection_id": company.rows["connections"], "external_id": str(campaign),
        })  # fmt: skip
        put(conn, "campaign_leads", {**own, "campaign_id": campaign, "lead_id": company.rows["leads"]})


def turns(conn: Conn, account: UUID, of: Company) -> float:
    """Return how often a company was drawn, of all draws. Drawing is seeded, so this is the same every time."""
    params = {"account_id": account, "batch": 1, "running_only": False}
    conn.execute("select setseed(0.4)")
    drawn = 0
    for _ in range(DRAWS):
        with conn.transaction(force_rollback=True):
            row = conn.execute(SQL.claim_leads.sql, {**params, "attempt_id": uuid4()}).fetchone()
            assert row is not None
            drawn += row[1] == of.id
    return drawn / DRAWS


@pytest.mark.parametrize(
    ("weights", "campaigns", "share"),
    [((1, 1), (1, 1), 0.5), ((1, 1), (9, 1), 0.5), ((3, 1), (1, 1), 0.75), ((1, 4), (5, 2), 0.2)],
    ids=["alike", "many campaigns", "three to one", "one to four"],
)
def test_each_company_has_its_part(
    postgresql: Conn, weights: tuple[int, int], campaigns: tuple[int, int], share: float
) -> None:
    one, two = seed_organization(postgresql, companies=2)
    postgresql.execute("select ctx.set_scope(%s, null, null, 'test')", [one.org_id])
    for company, weight, count in zip((one, two), weights, campaigns, strict=True):
        with_campaigns(postgresql, company, count, weight)
    assert turns(postgresql, one.rows["provider_accounts"], one) == pytest.approx(share, abs=0.1)


def test_a_company_with_nothing_to_do_takes_no_turn(postgresql: Conn) -> None:
    one, two = seed_organization(postgresql, companies=2)
    postgresql.execute("select ctx.set_scope(%s, null, null, 'test')", [one.org_id])
    with_campaigns(postgresql, one, 0, 100)
    with_campaigns(postgresql, two, 1, 1)
    assert turns(postgresql, one.rows["provider_accounts"], two) == 1.0
