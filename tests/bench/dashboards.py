"""What reading dashboards costs in the server: the views over two years of figures, and over a tenth of them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from api.access.access_tokens import believed
from api.db.queries import load
from api.db.ticket import Tickets
from api.settings import parse_keys
from tests.bench.ground import Ground
from tests.bench.report import Report
from tests.database.tenants import Company, seed_organization, untriggered

SQL = load(Path(__file__).with_name("dashboards.sql")).statements
CAMPAIGNS, EVENTS_EACH = 200, 5
SIZES = {"1,000,000 events": 1_000_000, "10,000,000 events": 10_000_000}
REPEATS = 9
READS = {
    "campaign_overview": "select * from dashboard.campaign_overview",
    "daily_activity of 30 days": "select * from dashboard.daily_activity where day > current_date - 30",
    "step_performance": "select * from dashboard.step_performance",
    "sender_health": "select * from dashboard.sender_health",
    "usage of two months": "select * from dashboard.usage where month > current_date - 60",
}
TARGETS = {"campaign_overview": 0.05}


def measure(ground: Ground, report: Report) -> None:
    """Load each size, and measure how long the server takes for each view, with everything that a request does."""
    found: dict[str, dict[str, float]] = {}
    for size, events in SIZES.items():
        ground.say(f"loading the figures of {size}")
        with ground.connect() as conn:
            company = _loaded(conn, events)
        for name, text in READS.items():
            seconds = _seconds(ground, company, text)
            found.setdefault(name, {})[size] = seconds
            ground.say(f"    {name}, {size}: {1000 * seconds:.1f} ms")
    small, large = SIZES
    for name, seconds in found.items():
        target = TARGETS.get(name)
        ok = None if target is None else seconds[large] < target
        report.add(f"dashboard, {name}, {large}, seconds", seconds[large], target=target and f"< {target}", ok=ok)
        ratio = seconds[large] / seconds[small]
        limit = {} if target is None else {"target": "<= 1.2", "ok": ratio <= 1.2}
        report.add(f"dashboard, {name}, {large} / {small}", ratio, **limit)


def _loaded(conn: psycopg.Connection[Any], events: int) -> Company:
    company = seed_organization(conn)[0]
    ids = {"org": company.org_id, "company": company.id}
    with untriggered(conn):
        conn.execute(SQL["campaigns"].sql, ids)
        conn.execute(SQL["hours"].sql, {**ids, "rows_each": events // EVENTS_EACH // CAMPAIGNS})
        conn.execute(SQL["totals"].sql, ids)
    conn.execute(SQL["analyze"].sql)
    return company


def _seconds(ground: Ground, company: Company, text: str) -> float:
    with ground.connect() as conn:
        row = conn.execute(SQL["session"].sql, {"hmac": bytes.fromhex(company.token)}).fetchone() or ("",)
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "https://bench.example", "aud": "outbound", "sid": row[0], "role": "dashboard_company", "iat": now,
        "exp": now + 600, "token_use": "access", "scope": "conversations:read dashboards:read",
    }  # fmt: skip
    claims["ctx"] = believed(Tickets(parse_keys(ground.home.state.keys["ticket"])), claims)
    with psycopg.connect(ground.home.database_url("postgrest"), autocommit=True) as conn:
        return median(_timed(lambda: _once(conn, claims, text)) for _ in range(REPEATS))


def _once(conn: psycopg.Connection[Any], claims: dict[str, Any], text: str) -> None:
    with conn.transaction():
        conn.execute("set local role dashboard_company")
        conn.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
        conn.execute("select ctx.pre_request()")
        assert conn.execute(text.encode()).fetchall()


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
