"""Single-use links: one living per person, for the caller's own people only, and nothing shown of others."""

import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.database.catalog import value
from tests.database.people import (
    HASH,
    Person,
    answer,
    knock,
    log_in,
    login_request,
    new_person,
    nothing_left_open,
    opens,
    refresh,
    session_subject,
)
from tests.database.tenants import TIERS, Company, Conn, Place, World, acting, attempt, enter, put

NEW_LINK = "select ctx.new_link(%s, %s, now() + make_interval(secs => %s))"
INVITE = (
    "insert into outbound.users (company_id, kind, role, name, email) values (%s, %s, %s, %s, %s) returning id, status"
)
NEWER = "$argon2id$v=19$another-hash"
LIVING = "select count(*) from ctx.credentials where kind = 'link' and id = %s and closed_at is null"
STATE = "select status, password_hash from outbound.users where id = %s"
SAID = "select count(*) from outbound.audit_log where action = 'user.password_set' and target ->> 'id' = %s"


def new_link(place: Place, tier: str, company: Company, person: UUID, seconds: float = 600) -> bytes | None:
    """Ask for a link as a user of a tenant; None when it is refused."""
    link = secrets.token_bytes(32)
    with acting(place, tier, company, commit=True) as conn:
        return link if value(conn, NEW_LINK, [person, link, seconds]) else None


def use(public: Conn, link: bytes | None, password_hash: str = NEWER) -> bool:
    """Use a link, as the API does once it has hashed the new password."""
    assert link is not None
    with nothing_left_open(public):
        return bool(answer(public, "link", {"hmac": link.hex(), "password_hash": password_hash})["used"])


def state(admin: Conn, person: Person) -> tuple[Any, ...]:
    """Return a person's status and stored hash."""
    row = admin.execute(STATE, [person.id]).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("status", ["invited", "active"])
def test_a_link_sets_a_password_once(place: Place, admin: Conn, public: Conn, company: Company, status: str) -> None:
    person = new_person(admin, company, status=status)
    link = new_link(place, "company", company, person.id)
    assert use(public, link) is True
    assert state(admin, person) == ("active", NEWER)
    assert value(admin, SAID, [str(person.id)]) == 1
    assert use(public, link, HASH) is False
    assert state(admin, person) == ("active", NEWER)
    assert answer(public, "login", login_request(person))["password_hash"] == NEWER


def test_one_link_of_a_person_lives(place: Place, admin: Conn, public: Conn, company: Company) -> None:
    person, other = new_person(admin, company, status="invited"), new_person(admin, company, status="invited")
    others = new_link(place, "company", company, other.id)
    links = [new_link(place, tier, company, person.id) for tier in ("company", "org", "company")]
    assert value(admin, LIVING, [person.id]) == 1
    assert [use(public, link) for link in links] == [False, False, True]
    assert use(public, others) is True, "another person's link is another link"


def test_two_uses_at_once_are_one(place: Place, admin: Conn, public: Conn, company: Company) -> None:
    person = new_person(admin, company)
    wanted = {"hmac": (new_link(place, "company", company, person.id) or b"").hex(), "password_hash": NEWER}
    with place.role("public") as other:
        other.execute("set lock_timeout = '200ms'")
        with public.transaction():
            assert answer(public, "link", wanted)["used"] is True
            assert knock(other, "link", {**wanted, "password_hash": HASH}).sqlstate == "55P03", "it waits"
        assert answer(other, "link", {**wanted, "password_hash": HASH})["used"] is False
    assert state(admin, person) == ("active", NEWER)


def test_an_expired_or_unknown_link_sets_nothing(place: Place, admin: Conn, public: Conn, company: Company) -> None:
    person = new_person(admin, company)
    assert use(public, new_link(place, "company", company, person.id, seconds=-1)) is False
    assert use(public, secrets.token_bytes(32)) is False
    assert state(admin, person) == ("active", HASH)


@pytest.mark.parametrize("credential", ["token", "hook"])
def test_another_credential_is_no_link(admin: Conn, public: Conn, company: Company, credential: str) -> None:
    named = {"token": company.token, "hook": company.hook}[credential]
    assert use(public, bytes.fromhex(named)) is False
    assert value(admin, "select closed_at is null from ctx.credentials where hmac = %s", [bytes.fromhex(named)])


def test_a_link_opens_no_context(place: Place, admin: Conn, company: Company) -> None:
    link = new_link(place, "company", company, new_person(admin, company).id)
    assert link is not None
    for tier in ("company", "org"):
        for kind in ("token", "session"):
            assert not opens(place, tier, kind, link.hex()), (tier, kind)
    assert not opens(place, "public", "hook", link.hex())


def test_a_password_ends_the_sessions_of_its_person_alone(
    place: Place, admin: Conn, public: Conn, company: Company
) -> None:
    person, other = new_person(admin, company), new_person(admin, company)
    (first, token), (second, _), (others, _) = (log_in(public, each) for each in (person, person, other))
    assert use(public, new_link(place, "company", company, person.id)) is True
    ask = "select revoked_reason from outbound.sessions where id = %s"
    assert [value(admin, ask, [each]) for each in (first, second, others)] == ["password", "password", None]
    living = [opens(place, "company", "session", session_subject(each)) for each in (first, second, others)]
    assert living == [False, False, True]
    assert refresh(public, token) == "refused"


# Who may not -------------------------------------------------------------------------------------------------------


def test_a_suspended_person_gets_no_link(place: Place, admin: Conn, company: Company) -> None:
    person = new_person(admin, company, status="suspended")
    assert new_link(place, "company", company, person.id) is None
    assert new_link(place, "org", company, person.id) is None


def test_a_link_of_a_person_suspended_since_sets_nothing_and_says_nothing(
    place: Place, admin: Conn, public: Conn, company: Company
) -> None:
    person = new_person(admin, company)
    link = new_link(place, "company", company, person.id)
    admin.execute("update outbound.users set status = 'suspended' where id = %s", [person.id])
    use(public, link)
    assert state(admin, person) == ("suspended", HASH)
    assert value(admin, SAID, [str(person.id)]) == 0, "the record tells of a password that was not set"


CLOSED = {
    "a deleted person": "update outbound.users set deleted_at = now() where id = %(person)s",
    "a suspended company": "update outbound.companies set status = 'suspended' where id = %(company)s",
    "a suspended organization": "update outbound.organizations set status = 'suspended' where id = %(org)s",
}
AGAIN = "update outbound.{} set status = 'active' where id = %({})s"


@pytest.mark.parametrize("what", CLOSED)
def test_a_link_of_what_is_closed_is_closed_for_good(
    place: Place, admin: Conn, public: Conn, company: Company, what: str
) -> None:
    person = new_person(admin, company, status="invited")
    named = {"person": person.id, "company": company.id, "org": company.org_id}
    link = new_link(place, "org", company, person.id)
    admin.execute(CLOSED[what], named)
    assert use(public, link) is False
    for table, name in (("companies", "company"), ("organizations", "org")):
        admin.execute(AGAIN.format(table, name), named)  # pyright: ignore[reportArgumentType]
    assert use(public, link) is False
    assert state(admin, person) == ("invited", None)


def test_a_taken_address_is_answered_like_a_free_one(place: Place, admin: Conn, public: Conn, world: World) -> None:
    email = f"{secrets.token_hex(5)}@taken.example"
    first = new_person(admin, world.a1, email=email, status="invited")
    second = new_person(admin, world.a2, email=email.upper(), status="invited")
    links = [new_link(place, "company", *each) for each in ((world.a1, first.id), (world.a2, second.id))]
    assert [use(public, link) for link in links] == [True, True]
    assert [state(admin, each) for each in (first, second)] == [("active", NEWER), ("invited", None)]
    assert [value(admin, SAID, [str(each.id)]) for each in (first, second)] == [1, 0]
    assert [use(public, link) for link in links] == [False, False]
    assert answer(public, "login", login_request(second))["user_id"] == first.id


def test_an_address_may_be_invited_wherever_it_is_taken(place: Place, world: World, admin: Conn) -> None:
    """An invitation that is refused would tell one company of another's people."""
    taken = new_person(admin, world.a1)
    row = ["person", "company_member", "Jo", taken.email]
    with acting(place, "company", world.a2) as conn:
        assert attempt(conn, INVITE, [world.a2.id, *row], keep=True).sqlstate is None
        assert attempt(conn, INVITE, [world.a2.id, *row]).sqlstate == "23505", "its own"
    with acting(place, "company", world.a1) as conn:
        assert attempt(conn, INVITE, [world.a1.id, *row]).sqlstate == "23505", "its own"


def test_a_company_cannot_find_out_which_addresses_others_use(place: Place, world: World, admin: Conn) -> None:
    """Only the person makes an invitation an account; with a taken address it all ends as with a free one."""
    taken, free = new_person(admin, world.a1).email, f"{secrets.token_hex(5)}@free.example"
    turn = "update outbound.users set status = %s where id = %s"
    by_hand = INVITE.replace("(company_id,", "(status, company_id,").replace("values (", "values ('active', ")
    for tier in ("company", "org"):
        ends = []
        with acting(place, tier, world.a2) as conn:
            for email in (taken, free):
                row = [world.a2.id, "person", "company_member", "Jo", email]
                added = attempt(conn, by_hand, row)
                ((user, status),) = attempt(conn, INVITE, row, keep=True).rows
                turned = [attempt(conn, turn, [each, user]) for each in ("active", "suspended")]
                ends.append((added, status, turned))
        assert ends[0] == ends[1], tier
        assert [ends[0][0].sqlstate, ends[0][1]] == ["42501", "invited"]
        assert [each.sqlstate for each in ends[0][2]] == ["23514", "23514"]


def test_a_program_is_active_from_the_start(place: Place, company: Company) -> None:
    with acting(place, "company", company) as conn:
        made = attempt(conn, INVITE, [company.id, "service", "company_member", "Robot", None])
    assert made.rows[0][1] == "active"


def test_links_are_made_for_ones_own_people_only(place: Place, admin: Conn, world: World) -> None:
    people = {name: new_person(admin, getattr(world, name)).id for name in ("a1", "a2", "b1")}
    people |= {"the organization's": new_person(admin, world.a1, level="org").id, "nobody's": uuid4()}
    people |= {"a program": world.a1.rows["users"]}
    allowed = {"company": {"a1"}, "org": {"a1", "a2", "the organization's"}}
    for tier, own in allowed.items():
        made = {name for name, person in people.items() if new_link(place, tier, world.a1, person)}
        assert made == own, tier
    living = {name for name, person in people.items() if value(admin, LIVING, [person])}
    assert living == allowed["org"]


def test_links_of_other_peoples_are_left_alone(place: Place, admin: Conn, public: Conn, world: World) -> None:
    person = new_person(admin, world.a2)
    link = new_link(place, "company", world.a2, person.id)
    assert new_link(place, "company", world.a1, person.id) is None
    assert new_link(place, "org", world.b1, person.id) is None
    assert use(public, link) is True


def test_links_are_made_by_people_in_a_context_alone(place: Place, admin: Conn, company: Company) -> None:
    row = [new_person(admin, company).id, secrets.token_bytes(32), 600]
    for tier in TIERS:
        with place.role(tier) as conn, conn.transaction(force_rollback=True):
            outside = attempt(conn, NEW_LINK, row)
            enter(conn, tier, company)
            inside = attempt(conn, NEW_LINK, row)
        if tier in ("org", "company"):
            assert (outside.rows, inside.rows) == ([(False,)], [(True,)]), tier
        else:
            assert (outside.sqlstate, inside.sqlstate) == ("42501", "42501"), tier


def test_no_role_reads_or_writes_a_hash(place: Place, admin: Conn, company: Company) -> None:
    person = new_person(admin, company)
    statements = [
        "select password_hash from outbound.users", "select * from outbound.users",
        "update outbound.users set password_hash = 'x'", "select to_jsonb(u) from outbound.users as u",
        "select 1 from outbound.users where password_hash = 'x'",
    ]  # fmt: skip
    for tier in ("org", "company", "worker", "platform"):
        with acting(place, tier, company) as conn:
            assert {attempt(conn, statement).sqlstate for statement in statements} == {"42501"}, tier
    with acting(place, "company", company) as conn:
        assert value(conn, "select status from outbound.users where id = %s", [person.id]) == "active"


def test_the_hash_of_a_program_or_of_an_invited_person_is_refused(admin: Conn, company: Company) -> None:
    own = {"org_id": company.org_id, "company_id": company.id, "name": "X", "role": "company_member"}
    robot = put(admin, "users", {**own, "kind": "service"})
    person = new_person(admin, company, status="invited")
    change = "update outbound.users set password_hash = %s where id = %s"
    assert [attempt(admin, change, [HASH, each]).sqlstate for each in (robot, person.id)] == ["23514", "23514"]
