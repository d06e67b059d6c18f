"""Writes aimed at another tenant's rows end exactly as writes aimed at rows that do not exist."""

# ruff: noqa: S608  # the names in these statements come from the catalog or from this page

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.bodies import ROWS, filled
from tests.database.catalog import Table, census, columns, owned, value
from tests.database.tenants import (
    DOORS,
    TIERS,
    Company,
    Conn,
    Outcome,
    Place,
    World,
    acting,
    attempt,
    enter,
    entry,
    insert,
    known_by,
)

# Who writes, and at which tenant: a company at its neighbour, all of them at another organization.
AIMS = [("company", "a2", "a1"), ("company", "b1", "a1"), ("org", "b1", "a1"), ("worker", "b1", "a1")]
aimed = pytest.mark.parametrize(("tier", "writer", "victim"), AIMS, ids=lambda text: text)

aimed_by_writers = pytest.mark.parametrize(("tier", "writer", "victim"), AIMS[:-1], ids=lambda text: text)

# A person's own row, valid as it stands; columns that the role may not write are left out.
Row = dict[str, Any]


def own_rows(company: Company) -> dict[str, Row]:
    """Return a new row for every table that a request role may insert into."""
    rows, spare = company.rows, company.spare
    campaign, connection = {"campaign_id": rows["campaigns"]}, {"connection_id": rows["connections"]}
    linkedin = {"capability": "linkedin_outreach", "provider": "heyreach"}
    mailbox = {"address": "new@sender.example", "status": "active"}
    return {
        "companies": {"name": "New"},
        "users": {"kind": "service", "role": "company_member", "name": "New"},
        "api_tokens": {
            "user_id": rows["users"], "tier": "company", "hmac": uuid4().bytes * 2, "last_four": "wxyz",
        },
        "entitlements": linkedin,
        "provider_accounts": {"provider": "heyreach", "credential_hmac": b"\7" * 32},
        "connections": {
            **linkedin, "account_id": rows["provider_accounts"], "status": "connected", "credential": b"sealed",
            "hook_token": b"sealed", "hook_hmac": uuid4().bytes * 2,
        },
        "account_senders": {"account_id": rows["provider_accounts"], "external_id": "new", **mailbox},
        "senders": {"capability": "email_outreach", **mailbox},
        "sender_bindings": {"sender_id": spare["senders"], **connection, "external_id": "18"},
        "campaigns": {"name": "New", "capability": "email_outreach"},
        "sequence_steps": {**campaign, "position": 2, "type": "email", "delay_days": 1, "body": "Again"},
        "campaign_senders": {**campaign, "sender_id": spare["senders"]},
        "leads": known_by("new@lead.example"),
        "campaign_leads": {**campaign, "lead_id": spare["leads"]},
        "campaign_bindings": {"campaign_id": spare["campaigns"], **connection},
        "lead_bindings": {"campaign_lead_id": spare["campaign_leads"], "external_id": "30"},
        "suppressions": entry("email", "new@stop.example"),
        "events": {
            "sequence": 2, "type": "message.sent", **campaign, "lead_id": rows["leads"],
            "occurred_at": "2026-01-02T00:00:00Z", "data": Jsonb({}), **connection, "event_key": "sent-2",
        },
        "event_counters": {"last_sequence": 1},
        "idempotency_keys": {
            "credential_id": rows["api_tokens"], "method": "POST", "path": "/v1/leads", "key": "key-2",
            "request_sha256": b"\4" * 32,
        },
        **declared_rows(rows, spare),
    }  # fmt: skip


def declared_rows(rows: dict[str, Any], spare: dict[str, Any]) -> dict[str, Row]:
    """Return another row of each table whose subject declares one."""
    made = {table: filled(row, lambda name: spare.get(name) or rows[name]) for table, row in ROWS.items()}
    made["import_chunks"]["number"] = made["import_results"]["first_row"] = 1
    return made


def writable_rows(admin: Conn, tier: str, table: Table, company: Company) -> Row | None:
    """Return the role's own new row of a table, or None when it may not insert there."""
    allowed = columns(admin, tier, table.name, "insert")
    if not allowed:
        return None
    assert table.name in own_rows(company), f"{tier} may insert into {table.name}: declare a row in its subject.py"
    row = {name: part for name, part in own_rows(company)[table.name].items() if name in allowed}
    if table.name == "events" and "event_key" not in row:
        row.pop("connection_id", None)
    return {"company_id": company.id, **row} if "company_id" in allowed else row


def refusal(outcome: Outcome, *ids: UUID) -> tuple[str | None, str, int]:
    """Return how a statement ended, apart from the ids it named."""
    message = outcome.message
    for each in ids:
        message = message.replace(str(each), "<id>")
    return outcome.sqlstate, message, outcome.count


def foreign_keys(admin: Conn) -> list[tuple[str, str, str]]:
    """Return table, referencing column and referenced table of every foreign key between tenant tables."""
    rows = admin.execute("""
        select r.conrelid::regclass::text, a.attname, r.confrelid::regclass::text
        from pg_constraint as r
        inner join pg_attribute as a on a.attrelid = r.conrelid and a.attnum = any (r.conkey)
        where r.contype = 'f' and r.connamespace = 'outbound'::regnamespace
          and a.attname <> 'org_id' and a.atttypid = 'uuid'::regtype
          and (a.attname <> 'company_id' or r.confrelid = 'outbound.companies'::regclass)
    """).fetchall()
    return [(child.split(".")[1], column, parent.split(".")[1]) for child, column, parent in rows]


@pytest.fixture
def insertable(admin: Conn, every_table: list[Table]) -> dict[str, list[Table]]:
    """The tables each tier may insert into."""
    return {tier: [each for each in every_table if columns(admin, tier, each.name, "insert")] for tier in TIERS}


# Updates and deletes -----------------------------------------------------------------------------------------------


def update_statements(admin: Conn, tier: str, table: Table) -> Iterator[str]:
    """Yield every way of writing to one row by its id."""
    readable = columns(admin, tier, table.name, "select")
    returning = f" returning {table.org_column}" if table.org_column in readable else ""
    for column in columns(admin, tier, table.name, "update"):
        same = column if column in readable else "null"
        yield f"update outbound.{table.name} set {column} = {same} where id = %s"
        yield f"update outbound.{table.name} set {column} = {same} where id = %s{returning}"
    yield f"delete from outbound.{table.name} where id = %s"
    yield f"delete from outbound.{table.name} where id = %s{returning}"


@aimed
def test_updates_and_deletes_of_anothers_row_end_as_for_a_random_id(
    place: Place, admin: Conn, world: World, every_table: list[Table], *, tier: str, writer: str, victim: str
) -> None:
    actor, target = getattr(world, writer), getattr(world, victim)
    tried = 0
    with acting(place, tier, actor) as conn:
        for table in (each for each in every_table if each.name in target.rows):
            assert (
                value(admin, f"select count(*) from outbound.{table.name} where id = %s", [target.rows[table.name]])
                == 1
            )
            for statement in update_statements(admin, tier, table):
                stranger = uuid4()
                aimed_at = attempt(conn, statement, [target.rows[table.name]])
                at_random = attempt(conn, statement, [stranger])
                assert refusal(aimed_at, target.rows[table.name]) == refusal(at_random, stranger), statement
                assert (aimed_at.sqlstate, aimed_at.count) in [(None, 0), ("42501", -1)], statement
                tried += aimed_at.count == 0
    assert tried > 5


@pytest.mark.parametrize("tier", DOORS)
def test_the_rightful_owner_updates_every_column_it_is_granted(
    place: Place, admin: Conn, world: World, every_table: list[Table], tier: str
) -> None:
    with acting(place, tier, world.a1) as conn:
        for table in (each for each in every_table if each.name in world.a1.rows):
            readable = columns(admin, tier, table.name, "select")
            for column in set(columns(admin, tier, table.name, "update")) & set(readable):
                statement = f"update outbound.{table.name} set {column} = {column} where id = %s"
                outcome = attempt(conn, statement, [world.a1.rows[table.name]])
                assert (outcome.sqlstate, outcome.count) == (None, 1), statement


@aimed
def test_an_update_or_delete_of_everything_reaches_own_rows_only(
    place: Place, admin: Conn, world: World, every_table: list[Table], *, tier: str, writer: str, victim: str
) -> None:
    actor, target = getattr(world, writer), getattr(world, victim)
    only = actor.id if tier == "company" else None
    with acting(place, tier, actor) as conn:
        for table in (each for each in every_table if each.org_column):
            mine = sum(owned(admin, table, actor.org_id, only).values())
            for column in columns(admin, tier, table.name, "update"):
                outcome = attempt(conn, f"update outbound.{table.name} set {column} = default")
                assert outcome.sqlstate in (None, "23502", "23514", "23505"), (table.name, column, outcome)
                assert outcome.count <= mine, (table.name, column)
            if attempt(conn, f"delete from outbound.{table.name}").sqlstate is None:
                assert attempt(conn, f"delete from outbound.{table.name}").count <= mine
            assert owned(admin, table, target.org_id, target.id)


@pytest.mark.parametrize("tier", DOORS)
def test_a_deleted_row_stays_deleted(place: Place, admin: Conn, company: Company, tier: str) -> None:
    """An update without a condition needs no right to see the row, so hiding it from SELECT is not enough."""
    admin.execute("update outbound.leads set deleted_at = now() where id = %s", [company.spare["leads"]])
    admin.execute("update outbound.suppressions set deleted_at = now() where id = %s", [company.rows["suppressions"]])
    with acting(place, tier, company, commit=True) as conn:
        for table in ("leads", "suppressions"):
            attempt(conn, f"update outbound.{table} set deleted_at = null", keep=True)
    gone = "select deleted_at is not null from outbound.{} where id = %s"
    assert value(admin, gone.format("leads"), [company.spare["leads"]])
    assert value(admin, gone.format("suppressions"), [company.rows["suppressions"]])


# Inserts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", DOORS)
def test_every_role_inserts_its_own_rows(
    place: Place, admin: Conn, world: World, insertable: dict[str, list[Table]], tier: str
) -> None:
    """The proof that the refused inserts below are refused for their ids alone."""
    assert len(insertable[tier]) > 3
    with acting(place, tier, world.a1) as conn:
        for table in insertable[tier]:
            row = writable_rows(admin, tier, table, world.a1)
            assert row is not None
            outcome = attempt(conn, insert(table.name, row, None), list(row.values()))
            assert outcome.sqlstate == ("23505" if table.name == "event_counters" else None), (table.name, outcome)


@aimed
def test_an_insert_into_anothers_company_ends_as_for_a_random_one(
    place: Place,
    admin: Conn,
    world: World,
    insertable: dict[str, list[Table]],
    *,
    tier: str,
    writer: str,
    victim: str,
) -> None:
    actor, target = getattr(world, writer), getattr(world, victim)
    with acting(place, tier, actor) as conn:
        for table in insertable[tier]:
            if "company_id" not in columns(admin, tier, table.name, "insert"):
                continue
            ends = []
            for company_id in (target.id, uuid4()):
                # Everything named belongs to that company, where it exists: the fullest chance to be let in.
                row = {**(writable_rows(admin, tier, table, target) or {}), "company_id": company_id}
                outcome = attempt(conn, insert(table.name, row, None), list(row.values()))
                assert outcome.sqlstate in ("42501", "23503"), (table.name, outcome)
                ends.append(refusal(outcome, company_id, actor.org_id))
            assert ends[0] == ends[1], table.name


@aimed
def test_a_foreign_key_to_anothers_row_ends_as_to_a_random_one(
    place: Place,
    admin: Conn,
    world: World,
    insertable: dict[str, list[Table]],
    *,
    tier: str,
    writer: str,
    victim: str,
) -> None:
    actor, target = getattr(world, writer), getattr(world, victim)
    tried = set()
    with acting(place, tier, actor) as conn:
        for child, column, parent in foreign_keys(admin):
            table = next((each for each in insertable[tier] if each.name == child), None)
            row = writable_rows(admin, tier, table, actor) if table else None
            if row is None or column not in row or column == "company_id":
                continue
            ends = []
            for named in (target.rows[parent], uuid4()):
                outcome = attempt(
                    conn, insert(child, {**row, column: named}, None), list({**row, column: named}.values())
                )
                assert outcome.sqlstate == "23503", (child, column, outcome)
                ends.append(refusal(outcome, named))
            assert ends[0] == ends[1], (child, column)
            tried.add((child, column))
    wanted = {
        "company": {("campaign_leads", "campaign_id"), ("campaign_leads", "lead_id"), ("campaign_senders", "sender_id"),
                    ("sequence_steps", "campaign_id"), ("events", "lead_id")},
        "org": {("campaign_leads", "campaign_id"), ("connections", "account_id"), ("api_tokens", "user_id")},
        "worker": {("campaign_bindings", "campaign_id"), ("lead_bindings", "campaign_lead_id")},
    }  # fmt: skip
    assert wanted[tier] <= tried


@aimed_by_writers
def test_a_child_of_anothers_deleted_campaign_ends_as_of_a_random_one(
    place: Place, admin: Conn, world: World, *, tier: str, writer: str, victim: str
) -> None:
    """A trigger before the fence's check could tell that the campaign once was."""
    actor, target = getattr(world, writer), getattr(world, victim)
    own = {"org_id": target.org_id, "company_id": target.id}
    row = {**own, "name": "Gone", "capability": "email_outreach", "deleted_at": "2026-01-01T00:00:00Z"}
    gone = value(admin, insert("campaigns", row, "id"), list(row.values()))
    children = {
        "sequence_steps": {"position": 3, "type": "email", "delay_days": 0, "body": "Hello"},
        "campaign_senders": {"sender_id": target.rows["senders"]},
        "campaign_leads": {"lead_id": target.rows["leads"]},
    }
    with acting(place, tier, actor) as conn:
        for table, rest in children.items():
            for company_id in (target.id, actor.id):
                ends = []
                for campaign in (gone, uuid4()):
                    child = {"company_id": company_id, "campaign_id": campaign, **rest}
                    outcome = attempt(conn, insert(table, child, None), list(child.values()))
                    assert outcome.sqlstate in ("42501", "23503")
                    ends.append(refusal(outcome, campaign))
                assert ends[0] == ends[1], (table, "its own company" if company_id == target.id else "the writer's")
    with acting(place, "company", target) as conn:
        own_child = {"company_id": target.id, "campaign_id": gone, **children["sequence_steps"]}
        assert attempt(conn, insert("sequence_steps", own_child, None), list(own_child.values())).sqlstate == "23503"


@pytest.mark.parametrize("parent", ["campaigns", "leads", "senders", "companies"])
def test_a_deleted_parent_refuses_new_children(place: Place, admin: Conn, company: Company, parent: str) -> None:
    children = {
        "campaigns": ("sequence_steps", "campaign_senders", "campaign_leads"),
        "leads": ("campaign_leads",),
        "senders": ("campaign_senders",),
        "companies": ("campaigns", "leads", "suppressions"),
    }[parent]
    box = company.spare if parent in ("leads", "senders") else company.rows
    rows = own_rows(company)

    def ends(conn: Conn) -> dict[str, str | None]:
        made = {name: {"company_id": company.id, **rows[name]} for name in children}
        return {name: attempt(conn, insert(name, row, None), list(row.values())).sqlstate for name, row in made.items()}

    with acting(place, "org", company) as conn:
        assert ends(conn) == dict.fromkeys(children)
    admin.execute(f"update outbound.{parent} set deleted_at = now() where id = %s", [box[parent]])
    with acting(place, "org", company) as conn:
        assert ends(conn) == dict.fromkeys(children, "23503")


def test_the_same_natural_keys_live_side_by_side(place: Place, admin: Conn, world: World) -> None:
    """A unique index that spanned tenants would refuse, and so reveal, what another tenant has."""
    taken = {
        "leads": known_by("Maria@Lead.Example", "https://linkedin.com/in/FIRST"),
        "suppressions": entry("email", "NEVER@stop.example"),
    }
    for company in world.companies:
        with acting(place, "company", company) as conn:
            for table, row in taken.items():
                own = {"company_id": company.id, **row}
                assert attempt(conn, insert(table, own, None), list(own.values())).sqlstate == "23505", "its own"
    with acting(place, "company", world.a1) as conn:
        only_there = {"company_id": world.a1.id, **known_by("only@b1.example")}
        admin_row = {"org_id": world.b1.org_id, **only_there, "company_id": world.b1.id}
        admin.execute(insert("leads", admin_row, None), list(admin_row.values()))
        assert attempt(conn, insert("leads", only_there, None), list(only_there.values())).sqlstate is None


@aimed_by_writers
def test_a_conflict_clause_reveals_and_changes_nothing_of_another(
    place: Place, admin: Conn, world: World, *, tier: str, writer: str, victim: str
) -> None:
    actor, target = getattr(world, writer), getattr(world, victim)
    upsert = (
        "insert into outbound.leads (company_id, email, email_key, domain_key) "
        "values (%s, 'Maria@lead.example', 'maria@lead.example', 'lead.example') "
        "on conflict (org_id, company_id, email_key) where deleted_at is null {} returning company_id"
    )
    with acting(place, tier, actor) as conn:
        for action in ("do nothing", "do update set first_name = 'Mallory'"):
            ends = []
            for company_id in (target.id, uuid4()):
                outcome = attempt(conn, upsert.format(action), [company_id])
                assert outcome.sqlstate in ("42501", "23503")
                ends.append(refusal(outcome, company_id))
            assert ends[0] == ends[1] or tier == "org"
        assert attempt(conn, upsert.format(action), [actor.id]).rows == [(actor.id,)]
    name = "select first_name from outbound.leads where id = %s"
    assert value(admin, name, [target.rows["leads"]]) == "First"


# Moving rows -------------------------------------------------------------------------------------------------------


def test_no_role_may_change_whose_a_row_is(admin: Conn, every_table: list[Table]) -> None:
    for tier in TIERS:
        for table in every_table:
            changeable = set(columns(admin, tier, table.name, "update"))
            assert changeable.isdisjoint({"org_id", "company_id", "id", "created_at", "updated_at"}), table.name
            assert "org_id" not in columns(admin, tier, table.name, "insert"), table.name
    assert "name" in columns(admin, "company", "campaigns", "update")


@pytest.mark.parametrize("tier", DOORS)
def test_a_granted_column_would_still_not_let_a_row_move(
    place: Place, world: World, every_table: list[Table], tier: str
) -> None:
    """The fence alone holds, should a grant ever slip: granted in a transaction that is undone."""
    moves = {"org_id": world.b1.org_id} | ({"company_id": world.a2.id} if tier == "company" else {})
    with place.admin() as conn, conn.transaction(force_rollback=True):
        for table in (each for each in every_table if each.org_column == "org_id"):
            conn.execute(f"grant select, update on outbound.{table.name} to outbound_{tier}")
            permit = "create policy slip on outbound.{} for all to outbound_{} using (true) with check (true)"
            conn.execute(permit.format(table.name, tier))
        conn.execute(f"set local session authorization outbound_{tier}")
        enter(conn, tier, world.a1)
        for table in (each for each in every_table if each.org_column == "org_id"):
            assert census(conn, table), table.name
            for column in moves.keys() & set(table.owner_columns):
                outcome = attempt(conn, f"update outbound.{table.name} set {column} = %s", [moves[column]])
                assert outcome.sqlstate == "42501", (table.name, column, outcome)
                assert "row-level security" in outcome.message


# Privileges --------------------------------------------------------------------------------------------------------


def test_a_company_may_write_no_provider_column_and_no_binding(place: Place, admin: Conn, world: World) -> None:
    a1 = world.a1
    refused = [
        ("update outbound.entitlements set provider = 'instantly'", []),
        ("insert into outbound.entitlements (company_id, capability, provider) values (%s, 'x', 'x')", [a1.id]),
        ("select provider from outbound.entitlements", []),
        ("update outbound.connections set status = 'error'", []),
        ("select id from outbound.connections", []),
        ("select id from outbound.provider_accounts", []),
        ("select key from outbound.providers", []),
        ("insert into outbound.events (company_id, sequence, type, occurred_at, connection_id, event_key) "
         "values (%s, 9, 'message.sent', now(), %s, 'k')", [a1.id, a1.rows["connections"]]),
        *((f"{verb} outbound.{kind}_bindings{rest}", [])
          for kind in ("campaign", "lead", "sender")
          for verb, rest in (("select id from", ""), ("update", " set external_id = 'x'"), ("delete from", ""),
                             ("insert into", " default values"))),
    ]  # fmt: skip
    with acting(place, "company", a1) as conn:
        ends = {statement: attempt(conn, statement, params or None).sqlstate for statement, params in refused}
    assert ends == dict.fromkeys(ends, "42501")
    with acting(place, "org", a1) as conn:
        assert attempt(conn, "update outbound.entitlements set provider = 'instantly'").count > 0
        assert attempt(conn, "select id from outbound.campaign_bindings").count > 0


def test_request_roles_have_no_privileges_but_reading_and_writing_rows(admin: Conn) -> None:
    rows = admin.execute("""
        select r.rolname, c.oid::regclass::text, p.privilege
        from pg_roles as r
        cross join pg_class as c
        cross join unnest(array['truncate', 'references', 'trigger', 'maintain']) as p (privilege)
        where r.rolname ~ '^(outbound_(platform|org|company|worker|public)|dashboard_)'
          and c.relnamespace::regnamespace::text in ('outbound', 'ctx', 'jobs', 'dashboard')
          and c.relkind in ('r', 'p', 'v')
          and (current_setting('server_version_num')::int >= 170000 or p.privilege <> 'maintain')
          and has_table_privilege(r.oid, c.oid, p.privilege)
    """).fetchall()
    assert rows == []
    assert value(admin, "select has_table_privilege('outbound_owner', 'outbound.campaigns', 'truncate')")


@pytest.mark.parametrize("tier", TIERS)
def test_no_role_may_create_anything(place: Place, tier: str) -> None:
    statements = [
        *(f"create table {name}.mine (id int)" for name in ("outbound", "ctx", "jobs", "dashboard", "public")),
        "create schema mine", "create role mine",
        "create function public.mine() returns int language sql as 'select 1'",
    ]  # fmt: skip
    with place.role(tier) as conn:
        ends = {statement: attempt(conn, statement).sqlstate for statement in statements}
        assert [statement for statement, state in ends.items() if state != "42501"] == []
        assert attempt(conn, "select 1").sqlstate is None


def test_request_roles_are_members_of_nothing_and_plain(admin: Conn) -> None:
    rows = admin.execute("""
        select r.rolname, r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls or r.rolreplication,
          array(select m.roleid::regrole::text from pg_auth_members as m where m.member = r.oid), r.rolcanlogin
        from pg_roles as r where r.rolname ~ '^(outbound|dashboard)_' order by 1
    """).fetchall()
    members = {row[0]: sorted(row[2]) for row in rows if row[2]}
    assert ([row[0] for row in rows if row[1]], members) == (
        [],
        {"outbound_postgrest": ["dashboard_company", "dashboard_org"]},
    )
    can_login = {row[0] for row in rows if row[3]}
    assert can_login == {*(f"outbound_{tier}" for tier in TIERS), "outbound_postgrest"}
    assert {row[0] for row in rows} - can_login == {"outbound_owner", "dashboard_org", "dashboard_company"}
    assert value(admin, "select count(*) from pg_auth_members where roleid = 'outbound_owner'::regrole") <= 2
