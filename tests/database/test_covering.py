"""Which people an entry covers is one question: the wall, the look-up and the job behind the list answer it alike."""

import secrets
import threading
from typing import Any
from uuid import UUID

import pytest
from psycopg.sql import SQL

from tests.database.catalog import value
from tests.database.tenants import (
    Company,
    Conn,
    Place,
    acting,
    attempt,
    entry,
    insert,
    known_by,
    mark,
    put,
    seed_organization,
)
from tests.database.test_do_not_contact import CLAIM

BATCH = 5000
MANY = 12_000
WIDE, NARROW = {"include_subdomains": True}, {"include_subdomains": False}
TAGS = {"include_tags": True}
# Kind, what is given, its options, which person, and whether the entry covers them; `{}` is a name of its own.
CASES: list[tuple[str, str, dict[str, bool], str, bool]] = [
    ("email", "jo@{}.example", {}, "Jo@{}.EXAMPLE", True),
    ("email", "jo@{}.example", {}, "joe@{}.example", False),
    ("email", "jo@{}.example", {}, "jo@mail.{}.example", False),
    ("email", "jo@{}.example", {}, "jo+news@{}.example", False),
    ("email", "jo@{}.example", TAGS, "jo+news@{}.example", True),
    ("email", "jo@{}.example", TAGS, "jo+@{}.example", True),
    ("email", "jo@{}.example", TAGS, "jo+a+b@{}.example", True),
    ("email", "jo@{}.example", TAGS, "jo@{}.example", True),
    ("email", "jo@{}.example", TAGS, "joe+news@{}.example", False),
    ("email", "jo@{}.example", TAGS, "jo-news@{}.example", False),
    ("email", "jo@{}.example", TAGS, "jo+news@mail.{}.example", False),
    ("email", "jo+a@{}.example", TAGS, "jo@{}.example", False),
    ("email", "jo+a@{}.example", TAGS, "jo+b@{}.example", False),
    ("email", "jo+a@{}.example", TAGS, "jo+a@{}.example", True),
    ("email", "MÜLLER@bücher-{}.example", {}, "mu\u0308ller@Bücher-{}.example", True),
    ("domain", "{}.example", WIDE, "jo@{}.example", True),
    ("domain", "{}.example", WIDE, "jo@mail.{}.example", True),
    ("domain", "{}.example", WIDE, "jo@a.b.c.{}.example", True),
    ("domain", "{}.example", WIDE, "jo@not{}.example", False),
    ("domain", "{}.example", WIDE, "jo@{}-x.example", False),
    ("domain", "{}.example", WIDE, "jo@{}0.example", False),
    ("domain", "{}.example", WIDE, "jo@{}.example.org", False),
    ("domain", "a.{}.example", WIDE, "jo@{}.example", False),
    ("domain", "a.{}.example", WIDE, "jo@b.{}.example", False),
    ("domain", "{}.example", NARROW, "jo@{}.example", True),
    ("domain", "{}.example", NARROW, "jo@mail.{}.example", False),
    ("domain", "bücher-{}.example", WIDE, "jo@mail.BÜCHER-{}.example", True),
    ("linkedin_url", "https://linkedin.com/in/Mar%C3%ADa-{}/", {}, "in/maría-{}", True),
    ("linkedin_url", "linkedin.com/in/maria-{}", {}, "in/maria-{}-2", False),
]
LISTS = {"company": "suppressions", "org": "suppressions", "platform": "platform_suppressions"}


def enrol(admin: Conn, company: Company, given: str, box: str = "rows") -> UUID:
    """Make a person of an address or a profile, or find them, and enrol them in one of the company's two campaigns."""
    own = {"org_id": company.org_id, "company_id": company.id}
    known = known_by(given) if "@" in given else known_by(profile=f"https://www.linkedin.com/{given}")
    ask = (
        "select id from outbound.leads where company_id = %s and coalesce(email_key, linkedin_key) = %s"
        " and deleted_at is null"
    )
    lead = value(admin, ask, [company.id, known["email_key"] or known["linkedin_key"]])
    lead = lead or put(admin, "leads", {**own, **known})
    return put(admin, "campaign_leads", {**own, "campaign_id": getattr(company, box)["campaigns"], "lead_id": lead})


def listed(place: Place, company: Company, tier: str, row: dict[str, Any]) -> UUID:
    """Put an entry on the list of a company, of its organization, or of the platform."""
    own = {"company_id": company.id if tier == "company" else None} if tier != "platform" else {}
    with acting(place, tier, company, commit=True) as conn:
        return put(conn, LISTS[tier], {**own, **row})


def state(admin: Conn, enrolment: UUID) -> str:
    return value(admin, "select push_state from outbound.campaign_leads where id = %s", [enrolment])


def claim(place: Place, company: Company, enrolment: UUID) -> None:
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(CLAIM, [enrolment])


# Which people an entry covers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", LISTS)
def test_the_wall_the_look_up_and_the_job_cover_the_same(
    place: Place, admin: Conn, company: Company, tier: str
) -> None:
    people: list[tuple[int, UUID, UUID, str]] = []
    for number, (kind, given, options, wanted, _) in enumerate(CASES):
        name = f"n{number}{secrets.token_hex(4)}"
        person = wanted.replace("{}", name)
        handed, claimed = (enrol(admin, company, person, box) for box in ("rows", "spare"))
        keys = known_by(person) if kind != "linkedin_url" else known_by(profile=f"linkedin.com/{person}")
        people.append((number, handed, claimed, keys["email_key"] or keys["linkedin_key"]))
        listed(place, company, tier, {**entry(kind, given.replace("{}", name)), **options})
    with acting(place, "company", company) as conn:
        ask = "select array_agg(s) from outbound.suppressed_among(%s, %s) as s"
        kept = set(value(conn, ask, [company.id, [key for *_, key in people]]))
    for _, _, claimed, _ in people:
        claim(place, company, claimed)
    mark(place, company)
    for number, handed, claimed, key in people:
        covers = CASES[number][4]
        assert (key in kept) is covers, ("the look-up", CASES[number])
        assert state(admin, claimed) == ("suppressed" if covers else "sending"), ("the wall", CASES[number])
        assert state(admin, handed) == ("suppressed" if covers else "pending"), ("the job", CASES[number])


@pytest.mark.parametrize("tier", LISTS)
def test_a_list_binds_every_company_below_it(place: Place, admin: Conn, tier: str) -> None:
    one, two = seed_organization(admin, companies=2)
    (other,) = seed_organization(admin)
    email = f"jo@{secrets.token_hex(6)}.example"
    bound = {"company": (one,), "org": (one, two), "platform": (one, two, other)}[tier]
    handed = {at.id: [enrol(admin, at, email, box) for box in ("rows", "spare")] for at in (one, two, other)}
    listed(place, one, tier, entry("email", email))
    for at in (one, two, other):
        with acting(place, "org", at) as conn:
            found = conn.execute("select outbound.suppressed_among(%s, %s)", [at.id, [email]]).fetchall()
            assert found == ([(email,)] if at in bound else [])
        claim(place, at, handed[at.id][1])
    mark(place, one)
    mark(place, other)
    for at in (one, two, other):
        ends = [state(admin, each) for each in handed[at.id]]
        assert ends == (["suppressed", "suppressed"] if at in bound else ["pending", "sending"]), tier


def test_a_company_asks_for_itself_whatever_it_says(place: Place, admin: Conn) -> None:
    one, two = seed_organization(admin, companies=2)
    listed(place, two, "company", entry("email", "jo@only-two.example"))
    for wanted in (one.id, two.id, None):
        with acting(place, "company", one) as conn:
            ask = "select outbound.suppressed_among(%s, %s)"
            assert conn.execute(ask, [wanted, ["jo@only-two.example"]]).fetchall() == []


# Marking -----------------------------------------------------------------------------------------------------------

PEOPLE = """
    insert into outbound.leads (org_id, company_id, email, email_key, domain_key)
    select %(org)s, %(company)s, 'p' || n || '@' || %(domain)s, 'p' || n || '@' || %(domain)s, %(domain)s
    from generate_series(1, %(many)s) as n
"""
ENROL = """
    insert into outbound.campaign_leads (org_id, company_id, campaign_id, lead_id)
    select l.org_id, l.company_id, %(campaign)s, l.id from outbound.leads as l
    where l.company_id = %(company)s and l.domain_key = %(domain)s
"""


def test_a_large_domain_is_marked_by_batches_and_stays_unmarked_until_all_is_done(
    place: Place, admin: Conn, company: Company
) -> None:
    mark(place, company)
    domain = f"{secrets.token_hex(6)}.example"
    params = {"org": company.org_id, "company": company.id, "domain": f"mail.{domain}", "many": MANY}
    with admin.transaction():
        admin.execute(PEOPLE, params)
        admin.execute(ENROL, {**params, "campaign": company.rows["campaigns"]})
    kept = listed(place, company, "org", entry("domain", domain))
    waiting = "select count(*) from outbound.campaign_leads where company_id = %s and push_state = 'pending'"
    others = value(admin, waiting, [company.id]) - MANY
    for left in (MANY - BATCH, MANY - 2 * BATCH, 0):
        with acting(place, "worker", company, commit=True) as conn:
            assert value(conn, "select outbound.mark_suppressed(%s)", [BATCH]) > 0
        assert value(admin, waiting, [company.id]) - others == left
        done = value(admin, "select marked_at is not null from outbound.suppressions where id = %s", [kept])
        assert done is (left == 0)
        if left:
            last = (
                "select max(id::text)::uuid from outbound.campaign_leads"
                " where company_id = %s and push_state = 'pending' and campaign_id = %s"
            )
            enrolment = value(admin, last, [company.id, company.rows["campaigns"]])
            with acting(place, "worker", company) as conn:
                conn.execute(CLAIM, [enrolment])
                assert state(conn, enrolment) == "suppressed", "the entry is the wall while it waits to be marked"
    with acting(place, "worker", company) as conn:
        assert value(conn, "select outbound.mark_suppressed(%s)", [BATCH]) == 0


def test_more_entries_than_one_go_reads_are_all_marked(place: Place, admin: Conn, company: Company) -> None:
    mark(place, company)
    mine = [f"jo{number}@{secrets.token_hex(6)}.example" for number in range(3)]
    handed = [enrol(admin, company, email) for email in mine]
    filler = (
        "select 'email', k, k from (select 'f' || n || '@filler.example' from generate_series(1, 600) as n) as f (k)"
    )
    with acting(place, "company", company, commit=True) as conn:
        put(conn, "suppressions", entry("email", mine[0]))
        conn.execute(f"insert into outbound.suppressions (kind, value, value_key) {filler}".encode())
        put(conn, "suppressions", entry("email", mine[1]))
    listed(place, company, "platform", entry("email", mine[2]))
    assert mark(place, company) >= 2
    assert [state(admin, each) for each in handed] == ["suppressed"] * 3


def test_no_marking_reaches_another_organization(place: Place, admin: Conn) -> None:
    (one,), (other,) = seed_organization(admin), seed_organization(admin)
    mark(place, one)
    mark(place, other)
    email = f"jo@{secrets.token_hex(6)}.example"
    handed = enrol(admin, one, email)
    kept = listed(place, one, "company", entry("email", email))
    assert mark(place, other) == 0
    assert value(admin, "select marked_at from outbound.suppressions where id = %s", [kept]) is None
    assert state(admin, handed) == "pending"
    for tier in ("org", "company", "platform", "public"):
        with acting(place, tier, one) as conn:
            assert attempt(conn, "select outbound.mark_suppressed(10)").sqlstate == "42501", tier
    with place.role("worker") as conn:
        assert attempt(conn, "select outbound.mark_suppressed(10)").sqlstate == "42501", "without a context"
    for helper in ("mark_enrolments(null, null, null, 1)", "entries_to_mark(null, null, null)"):
        with acting(place, "worker", one) as conn:
            assert attempt(conn, f"select outbound.{helper}").sqlstate == "42501"  # this page's names


def test_an_entry_that_is_widened_while_it_is_marked_is_marked_again(
    place: Place, admin: Conn, company: Company
) -> None:
    mark(place, company)
    domain = f"{secrets.token_hex(6)}.example"
    below = enrol(admin, company, f"jo@mail.{domain}")
    kept = listed(place, company, "company", {**entry("domain", domain), **NARROW})
    goes: list[int] = []

    def one_go() -> None:
        with acting(place, "worker", company, commit=True) as conn:
            goes.append(value(conn, "select outbound.mark_suppressed(%s)", [BATCH]))

    widen = "update outbound.suppressions set include_subdomains = true, marked_at = null where id = %s"
    job = threading.Thread(target=one_go)
    with acting(place, "company", company, commit=True) as conn:
        conn.execute(widen, [kept])
        job.start()
        job.join(0.5)
        assert job.is_alive(), "it waits for the entry"
    job.join(10)
    assert goes == [1]
    assert value(admin, "select marked_at from outbound.suppressions where id = %s", [kept]) is None
    assert state(admin, below) == "pending"
    mark(place, company)
    assert state(admin, below) == "suppressed"


def test_a_claim_that_is_open_when_an_entry_is_widened_is_stopped(place: Place, admin: Conn, company: Company) -> None:
    """It was judged before; the job waits for it, and has the provider handed."""
    domain = f"{secrets.token_hex(6)}.example"
    below = enrol(admin, company, f"jo@mail.{domain}")
    kept = listed(place, company, "company", {**entry("domain", domain), **NARROW})
    mark(place, company)
    widen = "update outbound.suppressions set include_subdomains = true, marked_at = null where id = %s"
    job = threading.Thread(target=mark, args=(place, company))
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(CLAIM, [below])
        assert state(conn, below) == "sending"
        with acting(place, "company", company, commit=True) as other:
            other.execute(widen, [kept])
        job.start()
        job.join(0.5)
        assert job.is_alive()
    job.join(10)
    ask = "select push_state, stop_state, stop_reason from outbound.campaign_leads where id = %s"
    assert admin.execute(ask, [below]).fetchall() == [("sending", "due", "suppressed")]


# When there is work ------------------------------------------------------------------------------------------------

JOBS = (
    "select count(*) from jobs.procrastinate_jobs where task_name = 'suppression.mark' and args ->> 'org_id' = %s::text"
    " and args ->> 'subject' = args ->> 'org_id' and status = 'todo'"
)


def forget_jobs(admin: Conn) -> None:
    """Take away the jobs that would mark; the queue's own triggers name its tables without a schema."""
    with admin.transaction():
        admin.execute("set local search_path = jobs")
        admin.execute("delete from jobs.procrastinate_jobs where task_name = 'suppression.mark'")
        admin.execute("delete from ctx.lanes where task = 'suppression.mark'")


def due(place: Place, admin: Conn, *organizations: Company) -> list[bool]:
    """Return whether the sweep finds marking due for each of the organizations, with no job left that would do it."""
    forget_jobs(admin)
    with place.role("worker") as conn:
        ask = "select org_id, subject from ctx.due_work() where task = 'suppression.mark'"
        found = conn.execute(ask).fetchall()
    assert len(found) == len(set(found))
    assert all(org == subject for org, subject in found)
    return [(each.org_id, each.org_id) in found for each in organizations]


def test_what_is_due_is_exactly_what_is_unmarked(place: Place, admin: Conn) -> None:
    (one,), (other,) = seed_organization(admin), seed_organization(admin)
    assert due(place, admin, one, other) == [True, True]
    mark(place, one)
    assert due(place, admin, one, other) == [False, True]
    mark(place, other)
    for tier in ("company", "org"):
        name = secrets.token_hex(6)
        kept = listed(place, one, tier, {**entry("domain", f"{name}.example"), **NARROW})
        assert due(place, admin, one, other) == [True, False]
        mark(place, one)
        assert due(place, admin, one, other) == [False, False]
        with acting(place, tier, one, commit=True) as conn:
            widen = "update outbound.suppressions set include_subdomains = true, marked_at = null where id = %s"
            assert conn.execute(widen, [kept]).rowcount == 1
        assert due(place, admin, one, other) == [True, False]
        with acting(place, tier, one, commit=True) as conn:
            lift = "update outbound.suppressions set deleted_at = transaction_timestamp() where id = %s"
            conn.execute(lift, [kept])
        assert due(place, admin, one, other) == [False, False], "whoever is off the list is nobody's to mark"
    listed(place, one, "platform", entry("domain", f"{secrets.token_hex(6)}.example"))
    assert due(place, admin, one, other) == [True, True]
    mark(place, other)
    assert due(place, admin, one, other) == [True, False]
    mark(place, one)
    assert due(place, admin, one, other) == [False, False]


def test_an_entry_queues_one_job_for_each_organization_that_it_binds(place: Place, admin: Conn) -> None:
    (one,), (other,) = seed_organization(admin), seed_organization(admin)

    def queued() -> list[int]:
        found = [value(admin, JOBS, [each.org_id]) for each in (one, other)]
        forget_jobs(admin)
        return found

    queued()
    row = entry("domain", f"{secrets.token_hex(6)}.example")
    again = " on conflict do nothing"
    for tier, bound in (("company", [1, 0]), ("org", [1, 0]), ("platform", [1, 1])):
        kept = listed(place, one, tier, {**row, "include_subdomains": False})
        assert queued() == bound, tier
        own = {"company_id": one.id if tier == "company" else None} if tier != "platform" else {}
        with acting(place, tier, one, commit=True) as conn:
            statement = insert(LISTS[tier], {**own, **row}, None) + SQL(again)
            assert conn.execute(statement, [*own.values(), *row.values()]).rowcount == 0
        assert queued() == [0, 0], "nothing came onto it"
        if tier == "platform":
            continue
        change = "update outbound.suppressions set include_subdomains = {}, marked_at = {} where id = %s"
        for subdomains, marked, wanted in (("true", "null", [1, 0]), ("false", "now()", [0, 0])):
            with acting(place, tier, one, commit=True) as conn:
                conn.execute(change.format(subdomains, marked), [kept])  # pyright: ignore[reportArgumentType]
            assert queued() == wanted


def test_a_platforms_entry_leaves_the_operator_in_the_context_it_was_in(place: Place, company: Company) -> None:
    with acting(place, "platform", company) as conn:
        before = conn.execute("select * from ctx.scope()").fetchall()
        put(conn, "platform_suppressions", entry("email", f"jo@{secrets.token_hex(6)}.example"))
        assert conn.execute("select * from ctx.scope()").fetchall() == before
        assert value(conn, "select count(*) from outbound.organizations") == 1
