"""What opens a context closes with whatever it stands below, opens with it again, and is never another kind's."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.catalog import Table, seen, value
from tests.database.people import OPEN, Person, knock, log_in, new_person, new_token, opens, session_subject
from tests.database.tenants import Company, Conn, Place, World, acting, attempt, put, ticket

ENTER = "select org_id, credential_id from ctx.open_platform(%s)"


@dataclass(frozen=True)
class Key:
    """A credential: the login role that shows it, its kind, and what its ticket names."""

    tier: str
    kind: str
    named: str


@dataclass
class Ring:
    """The keys of a user of an organization and of a user of its company, some of them revoked."""

    keys: dict[str, Key]
    people: dict[str, Person]

    def that_open(self, place: Place) -> set[str]:
        """Return the names of the keys that open a context now."""
        return {name for name, key in self.keys.items() if opens(place, key.tier, key.kind, key.named)}


@pytest.fixture
def ring(admin: Conn, public: Conn, company: Company) -> Ring:
    """A token and a session on both levels, one of each revoked in the company, and the company's webhook path."""
    keys = {"hook": Key("public", "hook", company.hook)}
    people = {level: new_person(admin, company, level=level) for level in ("org", "company")}
    for level, person in people.items():
        keys[f"{level} token"] = Key(level, "token", new_token(admin, person)[1])
        keys[f"{level} session"] = Key(level, "session", session_subject(log_in(public, person)[0]))
    revoked, token = new_token(admin, people["company"])
    ended = log_in(public, people["company"])[0]
    admin.execute("update outbound.api_tokens set revoked_at = now() where id = %s", [revoked])
    admin.execute("update outbound.sessions set revoked_at = now(), revoked_reason = 'logout' where id = %s", [ended])
    keys |= {"revoked token": Key("company", "token", token)}
    keys |= {"ended session": Key("company", "session", session_subject(ended))}
    return Ring(keys, people)


OF_ORG, OF_COMPANY = {"org token", "org session"}, {"company token", "company session"}
ALL = OF_ORG | OF_COMPANY | {"hook"}
CLOSINGS = {
    "a person": ("users", "status = 'suspended'", OF_ORG | {"hook"}),
    "a company": ("companies", "status = 'suspended'", OF_ORG | {"hook"}),
    "an organization": ("organizations", "status = 'suspended'", {"hook"}),
    "a deleted person": ("users", "deleted_at = now()", OF_ORG | {"hook"}),
    "a deleted company": ("companies", "deleted_at = now()", OF_ORG | {"hook"}),
    "a deleted organization": ("organizations", "deleted_at = now()", {"hook"}),
}


@pytest.mark.parametrize("what", CLOSINGS)
def test_keys_close_with_what_they_stand_below_and_open_with_it_again(
    place: Place, admin: Conn, company: Company, ring: Ring, what: str
) -> None:
    table, closing, left = CLOSINGS[what]
    closed = {"users": ring.people["company"].id, "companies": company.id, "organizations": company.org_id}[table]
    change = "update outbound.{} set {} where id = %s"
    assert ring.that_open(place) == ALL
    admin.execute(change.format(table, closing), [closed])  # pyright: ignore[reportArgumentType]
    assert ring.that_open(place) == left
    admin.execute(change.format(table, "status = 'active', deleted_at = null"), [closed])  # pyright: ignore[reportArgumentType]
    assert ring.that_open(place) == ALL, "what was revoked itself stays revoked"


def test_a_key_stays_closed_until_everything_above_it_is_open(
    place: Place, admin: Conn, company: Company, ring: Ring
) -> None:
    change = "update outbound.{} set status = %s where id = %s"
    levels = {"users": ring.people["company"].id, "companies": company.id, "organizations": company.org_id}
    for table, each in levels.items():
        admin.execute(change.format(table), ["suspended", each])  # pyright: ignore[reportArgumentType]
    stages = []
    for table in ("organizations", "companies", "users"):
        admin.execute(change.format(table), ["active", levels[table]])  # pyright: ignore[reportArgumentType]
        stages.append(ring.that_open(place) & (OF_ORG | OF_COMPANY))
    assert stages == [OF_ORG, OF_ORG, OF_ORG | OF_COMPANY]


@pytest.mark.parametrize("tier", ["org", "company"])
def test_who_closes_it_over_the_api_closes_it_too(
    place: Place, admin: Conn, company: Company, ring: Ring, tier: str
) -> None:
    """The triggers work in a tenant's own context, not only for the superuser."""
    with acting(place, tier, company, commit=True) as conn:
        conn.execute("update outbound.users set status = 'suspended' where id = %s", [ring.people["company"].id])
    assert ring.that_open(place) == ALL - OF_COMPANY
    with acting(place, tier, company, commit=True) as conn:
        conn.execute("update outbound.users set status = 'active' where id = %s", [ring.people["company"].id])
    assert ring.that_open(place) == ALL


def test_a_session_expires_with_its_row(place: Place, admin: Conn, public: Conn, company: Company) -> None:
    session_id, _ = log_in(public, new_person(admin, company))
    named = session_subject(session_id)
    assert opens(place, "company", "session", named)
    admin.execute("update outbound.sessions set expires_at = now() where id = %s", [session_id])
    assert not opens(place, "company", "session", named)


def rights_of(place: Place, key: Key) -> tuple[Any, ...]:
    """Return the role and the scopes that a context opens with."""
    with place.role(key.tier) as conn:
        return attempt(conn, OPEN, [ticket(key.kind, key.named)]).rows[0][-2:]


def test_a_changed_role_or_scope_is_known_at_the_next_open(
    place: Place, admin: Conn, public: Conn, company: Company
) -> None:
    person = new_person(admin, company)
    token_id, named = new_token(admin, person, scopes=["leads:read"])
    token, session = (
        Key("company", "token", named),
        Key("company", "session", session_subject(log_in(public, person)[0])),
    )
    assert (rights_of(place, token), rights_of(place, session)) == (
        ("company_admin", ["leads:read"]),
        ("company_admin", None),
    )
    admin.execute("update outbound.users set role = 'company_member' where id = %s", [person.id])
    assert (rights_of(place, token), rights_of(place, session)) == (
        ("company_member", ["leads:read"]),
        ("company_member", None),
    )
    admin.execute("update outbound.api_tokens set scopes = '{leads:write,users:read}' where id = %s", [token_id])
    assert rights_of(place, token) == ("company_member", ["leads:write", "users:read"])
    later = new_token(admin, person)[1]
    assert rights_of(place, Key("company", "token", later)) == ("company_member", None)


def test_a_role_is_of_its_persons_level(admin: Conn, company: Company) -> None:
    change = "update outbound.users set role = %s where id = %s"
    for level, other in (("company", "org"), ("org", "company")):
        person = new_person(admin, company, level=level)
        assert attempt(admin, change, [f"{other}_admin", person.id]).sqlstate == "23514"
        assert attempt(admin, change, [f"{level}_member", person.id]).sqlstate is None


@pytest.mark.parametrize("level", ["org", "company"])
def test_session_and_token_tickets_are_not_interchangeable(
    place: Place, admin: Conn, public: Conn, company: Company, level: str
) -> None:
    person = new_person(admin, company, level=level)
    named = {"token": new_token(admin, person)[1], "session": session_subject(log_in(public, person)[0])}
    other = "company" if level == "org" else "org"
    for kind in ("token", "session", "link", "hook", "platform", "job"):
        for really, subject in named.items():
            assert opens(place, level, kind, subject) is (kind == really), (kind, really)
            assert not opens(place, other, kind, subject)
            assert not opens(place, "public", kind, subject)


def test_no_session_of_a_request_role_is_made_by_hand(place: Place, admin: Conn, company: Company) -> None:
    insert = "insert into outbound.sessions (user_id, expires_at) values (%s, now() + interval '1 day')"
    person = new_person(admin, company)
    for tier in ("org", "company", "worker", "platform"):
        with acting(place, tier, company) as conn:
            assert attempt(conn, insert, [person.id]).sqlstate == "42501", tier


STRANGERS = ("a company's", "another organization's", "nobody's")


@pytest.mark.parametrize("whose", STRANGERS)
def test_an_organizations_token_belongs_to_its_own_person(
    place: Place, admin: Conn, company: Company, world: World, whose: str
) -> None:
    """A key with a null in it is not checked by Postgres; all three end alike."""
    own = new_person(admin, company, level="org").id
    users = {
        "a company's": new_person(admin, company).id, "nobody's": uuid4(),
        "another organization's": new_person(admin, world.b1, level="org").id,
    }  # fmt: skip
    make = "insert into outbound.api_tokens (user_id, tier, hmac, last_four) values (%s, 'org', %s, 'abcd')"
    with acting(place, "org", company) as conn:
        outcome = attempt(conn, make, [users[whose], secrets.token_bytes(32)])
        assert (outcome.sqlstate, outcome.message) == (
            "23503", "there is no such row  api_tokens_org_id_company_id_user_id_fkey"
        )  # fmt: skip
        assert attempt(conn, make, [own, secrets.token_bytes(32)]).sqlstate is None
    session = {"org_id": company.org_id, "user_id": users[whose], "expires_at": "2100-01-01"}
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no such row"):
        put(admin, "sessions", session)


def test_a_rotated_token_names_one_of_its_own_level(place: Place, admin: Conn, company: Company, world: World) -> None:
    rotate = "update outbound.api_tokens set replaced_by = %s where id = %s"
    own, robots = new_person(admin, company, level="org"), new_person(admin, company)
    (old, _), (new, _), (lower, _) = new_token(admin, own), new_token(admin, own), new_token(admin, robots)
    strangers = new_token(admin, new_person(admin, world.b1, level="org"))[0]
    with acting(place, "org", company) as conn:
        ends = [attempt(conn, rotate, [each, old]).sqlstate for each in (new, lower, strangers, uuid4())]
        assert ends == [None, "23503", "23503", "23503"]
        assert attempt(conn, rotate, [new, lower]).sqlstate == "23503"


# Last used ---------------------------------------------------------------------------------------------------------


def test_when_tokens_were_used_is_noted_for_many_organizations(
    place: Place, admin: Conn, public: Conn, company: Company, world: World
) -> None:
    mine, theirs = (new_token(admin, new_person(admin, each))[0] for each in (company, world.b1))
    used = "select extract(epoch from last_used_at)::int from outbound.api_tokens where id = %s"
    org, other = str(company.org_id), str(world.b1.org_id)

    def note(*seen_at: tuple[UUID, str, int]) -> list[int | None]:
        rows = [{"id": str(token), "org_id": of, "at": at} for token, of, at in seen_at]
        assert knock(public, "used", rows).sqlstate is None
        return [value(admin, used, [each]) for each in (mine, theirs)]

    assert note((mine, org, 2000), (theirs, other, 3000)) == [2000, 3000]
    assert note((mine, org, 1000), (theirs, other, 4000)) == [2000, 4000], "never backwards"
    assert note((mine, other, 9000), (uuid4(), org, 9000)) == [2000, 4000], "an organization's own tokens only"


# The operator ------------------------------------------------------------------------------------------------------


def new_operator(admin: Conn, **values: Any) -> tuple[UUID, str]:
    """Make a token of the operator's."""
    digest = secrets.token_bytes(32)
    row = {"name": "operator", "hmac": digest, "last_four": "abcd", **values}
    return put(admin, "platform_tokens", row), digest.hex()


def test_the_operators_token_opens_one_organization_or_none(
    place: Place, admin: Conn, company: Company, every_table: list[Table]
) -> None:
    token, named = new_operator(admin)
    with place.role("platform") as conn:
        for who, credential in ((named, token), ("operator", None)):
            with conn.transaction():
                text = ticket("platform", f"{who}.{company.org_id}")
                assert attempt(conn, ENTER, [text], keep=True).rows == [(company.org_id, credential)]
                assert value(conn, "select id from outbound.organizations") == company.org_id
            with conn.transaction():
                assert attempt(conn, ENTER, [ticket("platform", who)], keep=True).rows == [(None, credential)]
                assert seen(conn, every_table) == {}
                assert attempt(conn, ENTER, [ticket("platform", who)]).sqlstate == "55000"


@pytest.mark.parametrize("what", ["revoked_at = now()", "expires_at = now()"], ids=["revoked", "expired"])
def test_a_closed_operators_token_opens_nothing(place: Place, admin: Conn, company: Company, what: str) -> None:
    token, named = new_operator(admin)
    text = f"{named}.{company.org_id}"
    with place.role("platform") as conn:
        assert attempt(conn, ENTER, [ticket("platform", text)]).sqlstate is None
        admin.execute(f"update outbound.platform_tokens set {what} where id = %s", [token])  # noqa: S608  # this page
        assert attempt(conn, ENTER, [ticket("platform", text)]).sqlstate == "28000"


def test_the_operators_token_is_good_at_its_own_door_only(
    place: Place, admin: Conn, public: Conn, company: Company
) -> None:
    _, named = new_operator(admin)
    person = new_person(admin, company, level="org")
    tenants = [new_token(admin, person)[1], session_subject(log_in(public, person)[0]), company.hook, "", "Operator"]
    with place.role("platform") as conn:
        for subject in [*tenants, *(f"{each}.{company.org_id}" for each in tenants), f".{company.org_id}"]:
            assert attempt(conn, ENTER, [ticket("platform", subject)]).sqlstate == "28000", subject
        for kind in ("token", "session", "job", "login"):
            assert attempt(conn, ENTER, [ticket(kind, named)]).sqlstate == "28000", kind
    for tier in ("org", "company", "public"):
        for kind in ("token", "session", "hook", "platform"):
            assert not opens(place, tier, kind, named), (tier, kind)
        with place.role(tier) as conn:
            assert attempt(conn, ENTER, [ticket("platform", named)]).sqlstate == "42501"


def test_organizations_are_listed_newest_first_and_to_the_operator_alone(
    place: Place, admin: Conn, company: Company
) -> None:
    listing = "select org_id from ctx.list_tenants(%s, %s)"
    own = {"name": "Listed"}
    made = [put(admin, "organizations", {**own, "slug": f"l-{secrets.token_hex(6)}"}) for _ in range(4)]
    admin.execute("update outbound.organizations set deleted_at = now() where id = %s", [made[2]])
    with place.role("platform") as conn:
        assert attempt(conn, listing, [None, 10]).sqlstate == "28000", "without a context"
        with conn.transaction():
            conn.execute(ENTER, [ticket("platform", "operator")])
            assert attempt(conn, listing, [None, 2]).rows == [(made[3],), (made[1],)]
            assert attempt(conn, listing, [made[1], 2]).rows == [(made[0],), (company.org_id,)]
    for tier in ("org", "company", "worker"):
        with acting(place, tier, company) as conn:
            assert attempt(conn, listing, [None, 10]).sqlstate == "42501", tier


def test_a_slug_is_free_again_once_its_organization_is_deleted(admin: Conn) -> None:
    slug = f"again-{secrets.token_hex(6)}"
    first = put(admin, "organizations", {"name": "One", "slug": slug})
    again = "insert into outbound.organizations (name, slug) values ('Two', %s)"
    assert attempt(admin, again, [slug]).sqlstate == "23505"
    admin.execute("update outbound.organizations set deleted_at = now() where id = %s", [first])
    assert attempt(admin, again, [slug]).sqlstate is None
    kept = "select slug, status, deleted_at is not null from ctx.tenants where org_id = %s"
    assert admin.execute(kept, [first]).fetchall() == [(slug, "active", True)]
