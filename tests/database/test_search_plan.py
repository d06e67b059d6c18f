"""Searching and filtering people reads what is found, not what there is: by indexes, under the fences."""

import json
from pathlib import Path
from typing import Any

import pytest

import api.leads.people as module
from api.db.queries import beside
from tests.database.tenants import Company, Conn, Place, acting, seed_organization

SQL = beside(str(Path(module.__file__)), "people.sql")
PEOPLE = 20_000
MOST_PAGES = 400  # of 8 kB; the people of the company take more than ten times as many
NOTHING: dict[str, Any] = {
    "company_id": None, "before": None, "page_size": 50, "email": None, "domain": None, "source": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def large(database_of_our_own: Place) -> Company:
    """A company of many people beside another of the same organization, analyzed, in a database with no others: what
    the planner takes a company for depends on the others."""
    with database_of_our_own.admin() as admin:
        return fill(admin)


def fill(admin: Conn) -> Company:
    with admin.transaction():
        company, other = seed_organization(admin, companies=2)
        add = """
            insert into outbound.leads (
              org_id, company_id, email, email_key, domain_key, first_key, last_key, company_key, source, custom
            )
            select
              %(org)s, %(company)s, k, k, split_part(k, '@', 2), 'name' || n %% 997, 'surname' || n,
              'firm' || n %% 4999, 'list' || n %% 400, jsonb_build_object('note', repeat(n::text, 40))
            from (
              select n, 'p' || n || '@d' || n %% 500 || '.example' as k from generate_series(1, %(people)s) as n
            ) as g
        """
        for each in (company, other):
            admin.execute(add, {"org": company.org_id, "company": each.id, "people": PEOPLE})
    admin.execute("analyze outbound.leads")
    return company


@pytest.mark.parametrize("tier", ["company", "org"])
@pytest.mark.parametrize(
    ("query", "given", "found"),
    [
        ("search_leads", {"name": "surname1234", "address": "surname1234"}, 11),
        ("search_leads", {"name": "name77 surname1074", "address": "name77 surname1074"}, 1),
        ("search_leads", {"name": "firm4321", "address": "firm4321"}, 4),
        ("search_leads", {"name": "p1999 d", "address": "p1999@d"}, 1),
        ("search_leads", {"name": None, "address": "nobody@"}, 0),
        ("list_leads_by_source", {"source": "list7"}, 50),
    ],
)
def test_a_search_reads_little_of_a_large_company(
    query: str, given: dict[str, Any], found: int, *, tier: str, database_of_our_own: Place, large: Company
) -> None:
    statement = getattr(SQL, query).sql
    params = {**NOTHING, **given}
    with acting(database_of_our_own, tier, large) as conn:
        row = conn.execute(statement, {**params, "company_id": large.id}).fetchone()
        assert row is not None
        assert len(json.loads(row[0])["data"]) == found
        plan = conn.execute(
            b"explain (analyze, buffers, format json) " + statement, {**params, "company_id": large.id}
        ).fetchone()
    assert plan is not None
    node = plan[0][0]["Plan"]
    assert node["Shared Hit Blocks"] + node["Shared Read Blocks"] < MOST_PAGES, json.dumps(node)[:4000]
