"""Suppressing a person takes no longer because a long list came in just before and was not analyzed yet."""

import secrets
import time
from typing import Any
from uuid import UUID

import psycopg

PEOPLE = 20_000
SECONDS = 60.0  # with the plan that this is about it takes milliseconds, with the other one minutes

Conn = psycopg.Connection[Any]


def company_with_people(conn: Conn) -> tuple[UUID, UUID]:
    """Make a company with a campaign of many people in a database that was last analysed when there was one."""
    for table in ("leads", "campaign_leads", "campaigns"):
        conn.execute(f"alter table outbound.{table} set (autovacuum_enabled = off)".encode())
    insert = "insert into outbound.organizations (name, slug) values ('T', 't') returning id"
    (org_id,) = conn.execute(insert).fetchone() or ()
    conn.execute("select ctx.set_scope(%s, null, null, 'test')", [org_id])
    insert = "insert into outbound.companies (org_id, name) values (%s, 'C') returning id"
    (company,) = conn.execute(insert, [org_id]).fetchone() or ()
    insert = (
        "insert into outbound.campaigns (company_id, name, capability) values (%s, 'C', 'email_outreach') returning id"
    )
    (campaign,) = conn.execute(insert, [company]).fetchone() or ()
    add = (
        "insert into outbound.leads (company_id, email, email_key, domain_key)"
        " select %s, 'p' || n || '@x.example', 'p' || n || '@x.example', 'x.example'"
        " from generate_series(%s::integer, %s) as n"
    )
    enrol = (
        "insert into outbound.campaign_leads (company_id, campaign_id, lead_id)"
        " select %s, %s, id from outbound.leads on conflict do nothing"
    )
    for first, last in ((1, 1), (2, PEOPLE)):
        conn.execute(add, [company, first, last])
        conn.execute(enrol, [company, campaign])
        if last == 1:
            conn.execute("analyze outbound.leads, outbound.campaign_leads")
    return company, campaign


def test_one_of_many_is_marked_at_once(postgresql: Conn) -> None:
    company, campaign = company_with_people(postgresql)
    postgresql.execute("select ctx.set_scope(org_id, null, null, 'worker') from outbound.companies")
    put = (
        "insert into outbound.suppressions (company_id, kind, value, value_key)"
        " values (%(company)s, 'email', %(email)s, %(email)s)"
    )
    for _ in range(7):  # a statement inside a function is planned anew for its first calls, and then kept
        postgresql.execute(put, {"company": company, "email": f"p{secrets.randbelow(PEOPLE) + 1}@x.example"})
        began = time.monotonic()
        while postgresql.execute("select outbound.mark_suppressed(5000)").fetchone() != (0,):
            pass
        assert time.monotonic() - began < SECONDS
    marked = "select count(*) from outbound.campaign_leads where campaign_id = %s and push_state = 'suppressed'"
    (count,) = postgresql.execute(marked, [campaign]).fetchone() or ()
    assert 1 <= count <= 7
