"""The doors open for a right ticket and for nothing else, and no function behind them tells of another tenant."""

import secrets
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.database.catalog import Table, columns, readable, seen, value
from tests.database.tenants import (
    DOOR_OF,
    DOORS,
    KIND_OF,
    TICKETS,
    VAULT,
    Company,
    Conn,
    Outcome,
    Place,
    World,
    acting,
    attempt,
    entry,
    put,
    ticket,
)  # fmt: skip

OPENING = ("org", "company", "worker", "public", "platform")


def knock(conn: Conn, tier: str, text: str | None) -> Outcome:
    """Show a ticket at the door of a login role."""
    return attempt(conn, DOOR_OF.get(tier, "select ctx.open(%s)"), [text])


# Tickets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", OPENING)
def test_a_right_ticket_opens_and_names_the_tenant(place: Place, world: World, tier: str) -> None:
    with place.role(tier) as conn:
        for text in (
            ticket(KIND_OF[tier], world.a1.subject(tier)),
            TICKETS.sign(KIND_OF[tier], world.a1.subject(tier)),
        ):
            outcome = knock(conn, tier, text)
            assert outcome.sqlstate is None
            assert str(world.a1.org_id) in str(outcome.rows[0][0])
            assert (str(world.a1.id) in str(outcome.rows[0][0])) is (tier in ("company", "public"))


def tampered(text: str, part: int, new: str) -> str:
    """Return a ticket with one part replaced under its kept signature."""
    parts = text.split(":")
    parts[part] = new
    return ":".join(parts)


WRONG: dict[str, Callable[[str, str, str], str | None]] = {
    "expired": lambda kind, subject, other: ticket(kind, subject, seconds=-0.001),
    "of another kind": lambda kind, subject, other: ticket("other", subject),
    "of another version": lambda kind, subject, other: ticket(kind, subject, version="v2"),
    "signed with a wrong key": lambda kind, subject, other: ticket(kind, subject, key=secrets.token_bytes(32)),
    "signed with an empty key": lambda kind, subject, other: ticket(kind, subject, key=b"\0"),
    "naming an unknown key": lambda kind, subject, other: ticket(kind, subject, kid="t9"),
    "naming the context key": lambda kind, subject, other: ticket(kind, subject, kid="c1"),
    "with a swapped subject": lambda kind, subject, other: tampered(ticket(kind, subject), 3, other),
    "with a later expiry": lambda kind, subject, other: tampered(ticket(kind, subject, seconds=-1), 4, "9" * 13),
    "without a signature": lambda kind, subject, other: tampered(ticket(kind, subject), 6, ""),
    "with a part too many": lambda kind, subject, other: ticket(kind, subject) + ":",
    "cut short": lambda kind, subject, other: ticket(kind, subject)[:-1],
    "without a subject": lambda kind, subject, other: ticket(kind, ""),
    "empty": lambda kind, subject, other: "",
    "null": lambda kind, subject, other: None,
    "for a credential that is none": lambda kind, subject, other: ticket(kind, secrets.token_hex(32)),
    "with a negative expiry": lambda kind, subject, other: tampered(ticket(kind, subject), 4, "-1"),
}


@pytest.mark.parametrize("tier", OPENING)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_ticket_is_refused(
    place: Place, world: World, every_table: list[Table], *, tier: str, wrong: str
) -> None:
    kind, subject = KIND_OF[tier], world.a1.subject(tier)
    text = WRONG[wrong](kind, subject, world.b1.subject(tier))
    with place.role(tier) as conn, conn.transaction():
        if wrong in ("for a credential that is none", "without a subject") and tier == "worker":
            assert knock(conn, tier, text).sqlstate in ("22P02", "28000")
        else:
            assert knock(conn, tier, text).sqlstate == "28000"
        assert seen(conn, every_table) == {}
        assert knock(conn, tier, ticket(kind, subject)).sqlstate is None


@pytest.mark.parametrize("tier", OPENING)
@pytest.mark.parametrize("other", OPENING)
def test_a_ticket_of_another_tier_is_refused(place: Place, world: World, *, tier: str, other: str) -> None:
    with place.role(tier) as conn:
        outcome = knock(conn, tier, ticket(KIND_OF[other], world.a1.subject(other)))
        assert outcome.sqlstate == (None if tier == other else "28000")


@pytest.mark.parametrize("tier", OPENING)
def test_another_tiers_credential_under_the_right_kind_is_refused(place: Place, world: World, tier: str) -> None:
    with place.role(tier) as conn:
        for other in OPENING:
            outcome = knock(conn, tier, ticket(KIND_OF[tier], world.a1.subject(other)))
            right = tier == other
            assert outcome.sqlstate in ((None,) if right else ("28000", "22P02")), other
            assert tier == "worker" or outcome.sqlstate != "22P02"


def test_each_role_has_its_own_door_only(place: Place, world: World) -> None:
    doors = {"select ctx.open(%s)": "token", **{door: KIND_OF[tier] for tier, door in DOOR_OF.items()}}
    named = {"token": world.a1.token, "job": str(world.a1.org_id), "platform": world.a1.subject("platform")}
    for tier in OPENING:
        own = DOOR_OF.get(tier, "select ctx.open(%s)")
        with place.role(tier) as conn:
            for door in doors.keys() - {own}:
                assert attempt(conn, door, [ticket(doors[door], named[doors[door]])]).sqlstate == "42501", (tier, door)


@pytest.mark.parametrize("tier", OPENING)
def test_opening_twice_is_refused(place: Place, world: World, tier: str) -> None:
    with acting(place, tier, world.a1) as conn:
        for company in (world.a1, world.b1):
            assert knock(conn, tier, ticket(KIND_OF[tier], company.subject(tier))).sqlstate == "55000"
        assert value(conn, "select ctx.org_id()") == world.a1.org_id
    with acting(place, tier, world.b1) as conn:
        assert value(conn, "select ctx.org_id()") == world.b1.org_id


CLOSINGS = {
    "a revoked token": "update outbound.api_tokens set revoked_at = now() where id = %(api_tokens)s",
    "a deleted token": "update outbound.api_tokens set deleted_at = now() where id = %(api_tokens)s",
    "an expired token": "update outbound.api_tokens set expires_at = now() where id = %(api_tokens)s",
    "a deleted user": "update outbound.users set deleted_at = now() where id = %(users)s",
    "a deleted company": "update outbound.companies set deleted_at = now() where id = %(companies)s",
    "a suspended company": "update outbound.companies set status = 'suspended' where id = %(companies)s",
    "a deleted organization": "update outbound.organizations set deleted_at = now() where id = %(organizations)s",
    "a suspended organization": "update outbound.organizations set status = 'suspended' where id = %(organizations)s",
}


@pytest.mark.parametrize("what", CLOSINGS)
def test_a_token_below_what_was_closed_opens_nothing(place: Place, admin: Conn, company: Company, what: str) -> None:
    with acting(place, "company", company) as conn:
        assert value(conn, "select ctx.company_id()") == company.id
    assert admin.execute(CLOSINGS[what], company.rows).rowcount == 1
    with place.role("company") as conn:
        assert knock(conn, "company", ticket("token", company.token)).sqlstate == "28000"
    if "organization" in what:
        with place.role("org") as conn:
            assert knock(conn, "org", ticket("token", company.org_token)).sqlstate == "28000"


@pytest.mark.parametrize("what", [what for what in CLOSINGS if "token" not in what])
def test_a_token_made_or_touched_after_the_closing_opens_nothing(
    place: Place, admin: Conn, company: Company, what: str
) -> None:
    assert admin.execute(CLOSINGS[what], company.rows).rowcount == 1
    admin.execute("update outbound.api_tokens set expires_at = null where id = %s", [company.rows["api_tokens"]])
    fresh = VAULT.token_hmac(secrets.token_hex(16))
    made = attempt(
        admin,
        "insert into outbound.api_tokens (org_id, company_id, user_id, tier, hmac, last_four) "
        "values (%s, %s, %s, 'company', %s, 'abcd')",
        [company.org_id, company.id, company.rows["users"], fresh],
        keep=True,
    )
    assert made.sqlstate in (None, "23503")
    tokens = {"touched": company.token, "new": fresh.hex()}
    with place.role("company") as conn:
        opened = [name for name, token in tokens.items() if not knock(conn, "company", ticket("token", token)).sqlstate]
    assert opened == []


def test_a_company_that_is_active_again_may_use_its_token_again(place: Place, admin: Conn, company: Company) -> None:
    """Suspending is undone by activating: a token that was not revoked is open in the list, so it must open."""
    change = "update outbound.companies set status = %s where id = %s"
    admin.execute(change, ["suspended", company.id])
    admin.execute(change, ["active", company.id])
    with place.role("company") as conn:
        assert knock(conn, "company", ticket("token", company.token)).sqlstate is None


def test_a_webhook_path_outlives_a_disconnect_but_not_a_deleted_connection(
    place: Place, admin: Conn, company: Company
) -> None:
    change = "update outbound.connections set {} where id = %s"
    with place.role("public") as conn:
        for setting, refused in (("status = 'disconnected'", None), ("deleted_at = now()", "28000")):
            admin.execute(change.format(setting), [company.rows["connections"]])
            assert knock(conn, "public", ticket("hook", company.hook)).sqlstate == refused


def test_a_rotated_webhook_path_closes_the_old_one(place: Place, admin: Conn, company: Company) -> None:
    fresh = VAULT.token_hmac(secrets.token_hex(16), purpose="hook")
    admin.execute("update outbound.connections set hook_hmac = %s where id = %s", [fresh, company.rows["connections"]])
    with place.role("public") as conn:
        assert knock(conn, "public", ticket("hook", fresh.hex())).sqlstate is None
        assert knock(conn, "public", ticket("hook", company.hook)).sqlstate == "28000"


def test_a_webhook_is_stored_once_and_for_its_own_company(place: Place, admin: Conn, company: Company) -> None:
    accept = "select ctx.accept_webhooks(%s, %s, %s)"
    stored = "select company_id, connection_id from outbound.inbound_webhooks where id = %s"
    first, digest = uuid4(), secrets.token_bytes(32)
    with acting(place, "public", company, commit=True) as conn:
        assert value(conn, accept, [[first], [digest], [b"sealed"]]) == 1
        assert value(conn, accept, [[uuid4(), uuid4()], [digest, digest], [b"sealed", b"sealed"]]) == 0
    assert admin.execute(stored, [first]).fetchall() == [(company.id, company.rows["connections"])]
    lane = f"webhook.project:{company.org_id}:{company.rows['connections']}"
    assert value(admin, "select count(*) from jobs.procrastinate_jobs where lock = %s", [lane]) == 1
    with place.role("public") as conn:
        assert attempt(conn, accept, [[uuid4()], [digest], [b"sealed"]]).sqlstate == "42501"


# Functions that look across the fence ------------------------------------------------------------------------------


def suppression_questions(company: Company, address: str) -> dict[str, tuple[str, list[object]]]:
    """Return ways to ask whether a company has suppressed an address."""
    return {
        "is_suppressed": (
            "select outbound.is_suppressed(%s, %s, %s, 'x.example', null)", [company.org_id, company.id, address]
        ),
        "suppressed_among": (
            "select count(*) > 0 from outbound.suppressed_among(%s, %s)", [company.id, [address]]
        ),
    }  # fmt: skip


@pytest.mark.parametrize("function", ["is_suppressed", "suppressed_among"])
@pytest.mark.parametrize(("aim", "tier"), [("a2", "company"), ("b1", "company"), ("b1", "org")])
def test_no_function_shows_another_tenants_suppressions(
    place: Place, admin: Conn, world: World, *, function: str, aim: str, tier: str
) -> None:
    target: Company = getattr(world, aim)
    address = f"{secrets.token_hex(6)}@only-there.example"
    listed = {"org_id": target.org_id, "company_id": target.id, **entry("email", address)}
    put(admin, "suppressions", listed)
    with acting(place, tier, world.a1) as conn:
        assert attempt(conn, *suppression_questions(target, address)[function]).rows in ([], [(False,)])
        own = attempt(conn, *suppression_questions(world.a1, "never@stop.example")[function])
        assert (own.sqlstate, own.rows) in [(None, [(True,)]), ("42501", [])]
    with acting(place, "company", target) as conn:
        own_answer = attempt(conn, *suppression_questions(target, address)["suppressed_among"])
        assert own_answer.rows == [(True,)]


def test_no_function_answers_about_the_platforms_list_without_a_context(place: Place, admin: Conn) -> None:
    address = f"{uuid4().hex}@platform.example"
    put(admin, "platform_suppressions", entry("email", address))
    for tier in DOORS:
        with place.role(tier) as conn:
            outcome = attempt(conn, "select outbound.is_suppressed(%s, %s, %s, 'x', null)", [uuid4(), uuid4(), address])
            assert outcome.sqlstate == "42501" or outcome.rows == [(False,)], tier
            outcome = attempt(conn, "select outbound.suppressed_among(%s, %s)", [uuid4(), [address]])
            assert outcome.sqlstate == "42501" or outcome.rows == [], tier


def test_functions_with_a_company_argument_are_known(admin: Conn) -> None:
    """A definer function that takes a company must compare it with the context: none comes unseen."""
    rows = admin.execute("""
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace in ('outbound'::regnamespace, 'ctx'::regnamespace, 'jobs'::regnamespace) and p.prosecdef
          and 'uuid'::regtype = any (p.proargtypes) and (
            has_function_privilege('outbound_company', p.oid, 'execute')
            or has_function_privilege('outbound_public', p.oid, 'execute')
          )
        order by 1
    """).fetchall()
    assert {row[0] for row in rows} <= {
        "ctx.accept_webhooks(uuid[],bytea[],bytea[])",
        "ctx.beyond_caller(text,text[],timestamp with time zone,uuid)",  # reads no person: test_strength.py
        "ctx.new_link(uuid,bytea,timestamp with time zone)",  # asks the context whose person it is: test_links.py
        "ctx.note_write(text,jsonb,text,uuid)",  # takes a credential only, and reads who acts: test_audit.py
        "jobs.wake(uuid,boolean)",
        "outbound.is_suppressed(uuid,uuid,text,text,text)",
        "outbound.unsubscribe(uuid)",  # takes a lead, and finds the context's own alone
        "outbound.suppressed_among(uuid,text[])",
        "outbound.features_of(uuid,text)",
        "outbound.timezones_of(uuid,text)",
    }


def assert_no_limit_of_another(place: Place, admin: Conn, target: Company, world: World, tier: str) -> None:
    """The time zones that another's channel is limited to are not returned, whatever they are."""
    of = "select outbound.timezones_of(%s, e.capability) from outbound.entitlements as e where e.company_id = %s"
    with acting(place, tier, world.a1) as conn:
        assert set(conn.execute(of.encode(), [target.id, target.id]).fetchall()) <= {(None,)}


@pytest.mark.parametrize(("aim", "tier"), [("a2", "company"), ("b1", "company"), ("b1", "org")])
def test_no_function_tells_what_another_tenant_can_do(
    place: Place, admin: Conn, world: World, *, aim: str, tier: str
) -> None:
    """A company that names another gets the answer for itself."""
    target: Company = getattr(world, aim)
    assert_no_limit_of_another(place, admin, target, world, tier)
    of = "select outbound.features_of(%s, 'linkedin_outreach')"
    admin.execute("update outbound.entitlements set deleted_at = null where company_id = %s", [target.id])
    with acting(place, "org", target) as conn:
        theirs = "select capability from outbound.entitlements where company_id = %s and deleted_at is null"
        capability = value(conn, theirs, [target.id])
        of = of.replace("linkedin_outreach", str(capability))
        assert value(conn, of, [target.id]) is not None
    with acting(place, tier, world.a1) as conn:
        own = value(conn, of, [world.a1.id])
        assert value(conn, of, [target.id]) == (own if tier == "company" else None)
    for role in DOORS:
        with place.role(role) as conn:
            without = attempt(conn, of, [target.id])
            assert without.sqlstate == "42501" or without.rows in ([], [(None,)]), role


def test_waking_another_company_wakes_nothing(place: Place, admin: Conn, world: World) -> None:
    jobs = "select count(*) from jobs.procrastinate_jobs where args ->> 'subject' = %s"
    account = str(world.b1.rows["provider_accounts"])
    for tier in ("org", "company"):
        with acting(place, tier, world.a1, commit=True) as conn:
            conn.execute("select jobs.wake(%s)", [world.b1.id])
        assert value(admin, jobs, [account]) == 0
    with acting(place, "org", world.b1, commit=True) as conn:
        conn.execute("select jobs.wake(%s)", [world.b1.id])
    assert value(admin, jobs, [account]) == 1


def test_the_provider_stays_unnamed_to_a_company(place: Place, admin: Conn, every_table: list[Table]) -> None:
    callers_own = {("audit_log", "credential_id"), ("idempotency_keys", "credential_id")}  # a token or a session
    telling = {
        (table.name, column)
        for table in every_table
        for column in columns(admin, "company", table.name, "select")
        if any(word in column for word in ("provider", "external", "connection", "account", "hook", "credential"))
    }
    assert telling == callers_own
    assert "provider" in columns(admin, "org", "entitlements", "select")
    named = {"providers", "provider_accounts", "connections", "inbound_webhooks", "organizations"}
    hidden = named | {table.name for table in every_table if table.name.endswith("_bindings")}
    assert readable(admin, "company").isdisjoint(hidden)
    assert len(hidden) == 8


def test_a_company_asking_for_the_provider_is_refused(place: Place, world: World) -> None:
    statements = [
        "select provider from outbound.entitlements", "select * from outbound.entitlements",
        "select e from outbound.entitlements as e", "select to_jsonb(e) from outbound.entitlements as e",
        "select 1 from outbound.entitlements where provider = 'smartlead'",
        "select 1 from outbound.entitlements order by provider", "select connection_id from outbound.events",
        "select event_key from outbound.events",
        "select outbound.entitlement_document(e) from outbound.entitlements as e",
        "update outbound.entitlements set status = status returning provider",
    ]  # fmt: skip
    with acting(place, "company", world.a1) as conn:
        assert {statement: attempt(conn, statement).sqlstate for statement in statements} == dict.fromkeys(
            statements, "42501"
        )
        assert attempt(conn, "select status from outbound.entitlements").rows == [("connected",)]
    with acting(place, "org", world.a1) as conn:
        assert ("smartlead",) in attempt(conn, "select provider from outbound.entitlements").rows


def test_an_hmac_that_another_tenant_uses_changes_nothing_there(
    place: Place, admin: Conn, company: Company, world: World
) -> None:
    """Credentials are found by HMAC alone, so a tenant that writes one must never reach the row of another."""
    state = "select org_id, closed_at, expires_at from ctx.credentials where hmac = decode(%s, 'hex')"
    before = admin.execute(state, [company.token]).fetchall()
    with acting(place, "org", world.b1, commit=True) as conn:
        attempt(
            conn,
            "insert into outbound.api_tokens (company_id, user_id, tier, hmac, last_four, expires_at) "
            "values (%s, %s, 'company', decode(%s, 'hex'), 'abcd', now() - interval '1 day')",
            [world.b1.id, world.b1.rows["users"], company.token],
            keep=True,
        )
    assert admin.execute(state, [company.token]).fetchall() == before
    assert before == [(company.org_id, None, None)]
    with acting(place, "company", company) as conn:
        assert value(conn, "select ctx.company_id()") == company.id


def test_a_job_ticket_of_an_unknown_or_deleted_organization_is_refused(
    place: Place, admin: Conn, company: Company, every_table: list[Table]
) -> None:
    with place.role("worker") as conn, conn.transaction():
        assert knock(conn, "worker", ticket("job", str(uuid4()))).sqlstate == "28000"
        assert knock(conn, "worker", ticket("job", str(company.org_id))).sqlstate is None
        admin.execute("update outbound.organizations set deleted_at = now() where id = %s", [company.org_id])
        assert knock(conn, "worker", ticket("job", str(company.org_id))).sqlstate == "28000"
        assert seen(conn, every_table) == {}


@pytest.mark.parametrize("status", ["suspended", "deleting"])
def test_a_closed_organization_is_still_worked_for(place: Place, admin: Conn, company: Company, status: str) -> None:
    """Pausing, stopping and erasing are work too: only a deleted organization has none left."""
    admin.execute("update outbound.organizations set status = %s where id = %s", [status, company.org_id])
    with acting(place, "worker", company) as conn:
        assert value(conn, "select ctx.org_id()") == company.org_id
