"""What the database could tell a tenant besides rows: statistics, the queue's channel, large objects, its settings."""

import json
from typing import Any

import psycopg
import pytest

from api.db.identity import Credential
from api.db.pool import Database
from api.db.queries import Query
from tests.database.tenants import Company, Conn, Place, World, acting
from tests.jobs.test_no_transaction_over_http import credential, run, server, settings, tenant

__all__ = ["server", "settings", "tenant"]

OF_TENANTS = """
select c.relname || '.' || a.attname
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on c.oid = a.attrelid
where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
  and a.atttypid in ('text'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'text[]'::regtype)
  and coalesce(a.attstattarget, -1) <> 0
order by 1
"""
# Words of ours: a check enumerates them, or a key refers to what is the same for every tenant.
OURS = {
    "status", "state", "kind", "type", "capability", "provider", "role", "tier", "source", "direction", "environment",
    "warmup_status", "remote_status", "hook_state", "push_state", "pause_state", "stop_state", "stop_reason",
    "pause_reason", "revoked_reason", "format", "unsubscribe",
}  # fmt: skip


def test_what_tenants_wrote_is_in_no_statistics(admin: Conn) -> None:
    kept = {name for (name,) in admin.execute(OF_TENANTS)}  # pyright: ignore[reportUnknownVariableType]
    assert kept, "the words of ours have theirs"
    assert {name for name in kept if name.partition(".")[2] not in OURS} == set()


def test_a_plan_does_not_tell_how_often_others_have_a_value(place: Place, admin: Conn, world: World) -> None:
    insert = (
        "insert into outbound.leads (org_id, company_id, email, email_key, domain_key, company_name)"
        " select %s, %s, n || '@birch.example', n || '@birch.example', 'birch.example', 'Silver Birch'"
        " from generate_series(1, 300) as n"
    )
    admin.execute(insert, [world.a1.org_id, world.a1.id])
    admin.execute("analyze outbound.leads")
    with acting(place, "company", world.b1) as stranger:

        def estimate(value: str) -> int:
            query = f"explain (format json) select from outbound.leads where company_name = '{value}'"
            (plan,) = stranger.execute(query.encode()).fetchone() or ([],)
            return int(plan[0]["Plan"]["Plan Rows"])

        assert estimate("Silver Birch") == estimate("No Such Name")


def test_who_listens_to_the_queue_hears_no_ids(place: Place, admin: Conn, company: Company) -> None:
    with place.role("public") as listener:
        listener.execute("listen procrastinate_any_queue_v1")
        with acting(place, "worker", company, commit=True) as worker:
            worker.execute("select jobs.enqueue('account.work', %s)", [company.org_id])
            worker.execute("select jobs.enqueue('account.work', %s)", [company.org_id])
        heard = [json.loads(note.payload) for note in listener.notifies(timeout=30, stop_after=1)]
    assert heard == [{"type": "job_inserted", "job_id": 0}]


@pytest.mark.parametrize("tier", ["org", "company", "worker", "public"])
def test_no_role_keeps_large_objects(place: Place, tier: str) -> None:
    with place.role(tier) as conn:
        for call in ("lo_create(0)", "lo_from_bytea(0, 'x')", "lo_creat(-1)", "lo_unlink(1)", "lo_get(1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"select {call}".encode())


def test_what_a_request_sets_for_the_session_harms_no_later_one(settings: Any, tenant: dict[str, Any]) -> None:
    """After an injection, say: on the one connection of a pool, the next request is another caller's."""
    one_connection = settings.model_copy(update={"pool_size": 1})
    setting = b"select set_config('app.signature', 'x', false), set_config('work_mem', '64kB', false)"
    poison = Query("poison", "exec", "", setting)
    ask = Query("ask", "one", "", b"select to_json(current_setting('work_mem'))::text as body, pg_backend_pid() as pid")
    who: Credential = credential("company", tenant["company"])

    async def body(database: Database) -> None:
        async with database.by_credential(who) as tx:
            before = await tx.one(ask)
        async with database.by_credential(who) as tx:
            await tx.run(poison)
        async with database.by_credential(who) as tx:
            assert await tx.one(ask) == before
        async with database.by_credential(who) as tx:
            await tx.run(poison)
        assert await database.read(who, lambda _: None, ask, {}) == str((before or {})["body"]).encode()

    run(one_connection, body)
