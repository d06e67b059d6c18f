"""On a shared account the same seat may have spoken with a person for another company: what is older stays there."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from api.conversations.jobs import SQL as THREADS
from api.events.jobs import SQL as EVENTS
from api.events.jobs import _reason_to_put_aside
from tests.database.tenants import Company, seed_organization

Conn = psycopg.Connection[Any]
HANDED_OVER = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def handed_over(conn: Conn) -> Company:
    """Make a company whose person was handed over at a known moment, in whose context the connection stays."""
    (company,) = seed_organization(conn)
    conn.execute("select ctx.set_scope(%s, null, null, 'test')", [company.org_id])
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "update outbound.campaign_leads set push_attempted_at = %s where id = %s",
        [HANDED_OVER, company.rows["campaign_leads"]],
    )
    conn.execute("set session_replication_role = origin")
    return company


def test_a_thread_begins_with_the_hand_over(postgresql: Conn) -> None:
    company = handed_over(postgresql)
    times = {
        "said for another company": HANDED_OVER - timedelta(minutes=30),
        "clocks differ": HANDED_OVER - timedelta(minutes=1), "said for us": HANDED_OVER + timedelta(minutes=5),
        "no time is told": None,
    }  # fmt: skip
    rows = [
        {"place": n, "id": None, "external_id": f"m{n}", "direction": "incoming", "subject": None, "text": body,
         "sent_at": at}
        for n, (body, at) in enumerate(times.items())
    ]  # fmt: skip
    conversation = company.rows["conversations"]
    params = {"company_id": company.id, "conversation_id": conversation, "read_at_provider": None}
    postgresql.execute(THREADS.store_thread.sql, {**params, "messages": json.dumps(rows, default=str)})
    kept = postgresql.execute(
        "select text from outbound.messages where conversation_id = %s", [conversation]
    ).fetchall()
    assert {body for (body,) in kept} & times.keys() == times.keys() - {"said for another company"}


def test_a_fact_from_before_is_put_aside(postgresql: Conn) -> None:
    company = handed_over(postgresql)
    postgresql.execute("set session_replication_role = replica")
    postgresql.execute(
        "update outbound.connections set capability = 'linkedin_outreach', provider = 'heyreach' where id = %s",
        [company.rows["connections"]],
    )
    postgresql.execute("set session_replication_role = origin")
    wanted = [{"n": 0, "campaign": "23", "lead": None, "email_key": "maria@lead.example", "linkedin_key": None}]
    params = {"company_id": company.id, "connection_id": company.rows["connections"], "facts": json.dumps(wanted)}
    with postgresql.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        ours = cursor.execute(EVENTS.resolve.sql, params).fetchone()
    assert ours is not None
    assert ours["handed_over_at"] == HANDED_OVER

    def reason(minutes: float, *, timed: bool = True) -> str | None:
        return _reason_to_put_aside({"timed": timed, "occurred_at": HANDED_OVER + timedelta(minutes=minutes)}, ours)

    assert [reason(-30), reason(-1), reason(5), reason(-30, timed=False)] == ["before_hand_over", None, None, None]
