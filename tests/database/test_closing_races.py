"""What begins while something above it closes does not outlive the closing, whichever of the two commits first."""

from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from tests.database.people import log_in, new_person, new_token, opens, session_subject
from tests.database.tenants import Company, Conn, Place, acting, attempt
from tests.database.test_closing import STATUS, active, levels, new_campaign


@pytest.mark.parametrize("kind", ["session", "token"])
@pytest.mark.parametrize("table", ["users", "companies", "organizations"])
def test_a_key_made_while_something_above_it_closes_does_not_outlive_the_closing(
    place: Place, admin: Conn, public: Conn, company: Company, *, table: str, kind: str
) -> None:
    """Whichever of the two ends first: the key waits and is refused or closed, or the closing finds it."""
    person = new_person(admin, company)
    closed = {"users": person.id, "companies": company.id, "organizations": company.org_id}[table]

    def make() -> str:
        if kind == "session":
            return session_subject(log_in(public, person)[0])
        with place.admin() as other:
            return new_token(other, person)[1]

    with ThreadPoolExecutor(1) as pool:
        with place.admin() as closing, closing.transaction():
            closing.execute(f"update outbound.{table} set status = 'suspended' where id = %s", [closed])  # noqa: S608  # pyright: ignore[reportArgumentType]
            made = pool.submit(make)
            wait([made], timeout=0.5)
        refused = isinstance(made.exception(20), psycopg.errors.InvalidAuthorizationSpecification)
    assert refused or not opens(place, "company", kind, made.result())


@levels
def test_a_start_beside_a_suspension_does_not_outlive_it(
    place: Place, admin: Conn, company: Company, level: str
) -> None:
    """Whichever of the two ends first, nothing is left active."""
    campaign = new_campaign(admin, company, "draft", started_at=None)
    table, each = {"company": ("companies", company.id), "organization": ("organizations", company.org_id)}[level]

    def start() -> str | None:
        with acting(place, "company", company, commit=True) as conn:
            change = "update outbound.campaigns set status = 'active', started_at = now() where id = %s"
            return attempt(conn, change, [campaign], keep=True).sqlstate

    with ThreadPoolExecutor(1) as pool:
        with place.admin() as closing, closing.transaction():
            closing.execute(STATUS.format(table), ["suspended", each])  # pyright: ignore[reportArgumentType]
            started = pool.submit(start)
            wait([started], timeout=0.5)
        assert started.result(20) in (None, "23514")
    assert active(admin, company) == set()
