"""Other people's clients read with our token, keys are rotated under open dashboards, and what ends, ends at once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from postgrest import APIError, CountMethod

from api.access.access_tokens import Session, Signer
from api.db.ticket import Tickets
from api.dev.home import write_private
from api.settings import generate_key, parse_keys
from supabase import Client, ClientOptions, create_client
from tests.dashboards import javascript
from tests.dashboards.filling import Tenants
from tests.dashboards.reading import claims_of, dashboard_token, inside, reader
from tests.engine import Company, Engine, Organization, wait_for

VIEW = "/campaign_overview"


def host_of(answer: dict[str, Any]) -> str:
    """Return what clients of Supabase are given: they add /rest/v1 themselves."""
    address = urlsplit(answer["url"])
    assert address.path == "/rest/v1"
    return f"{address.scheme}://{address.netloc}"


@pytest.fixture
def client(tenants: Tenants) -> Iterator[Client]:
    answer = tenants.one.company.api.post("/v1/auth/dashboard-token").raise_for_status().json()
    with httpx.Client(timeout=60) as http:
        options = ClientOptions(schema="dashboard", httpx_client=http, auto_refresh_token=False, persist_session=False)
        yield create_client(host_of(answer), answer["token"], options)


def test_the_python_client_reads_filters_orders_and_counts(client: Client, tenants: Tenants) -> None:
    made = tenants.one
    overview = client.table("campaign_overview").select("name,sent", count=CountMethod.exact)
    found = overview.gte("sent", 0).order("name", desc=True).limit(2).execute()
    assert [row["name"] for row in found.data] == [f"Campaign {number} {made.mark}" for number in (2, 1)]
    assert found.count == 3
    box = client.table("sender_health").select("address").eq("status", "disconnected").single().execute()
    assert box.data == {"address": f"box2@{made.mark}.example"}
    replies = client.table("reply_feed").select("*").ilike("text", f"%{made.mark}%").range(0, 1).execute()
    assert len(replies.data) == 2
    with pytest.raises(APIError, match="read, and nothing else"):
        client.table("campaign_overview").insert({"name": "x"}).execute()


def test_the_javascript_client_does_the_same(tenants: Tenants) -> None:
    answer = tenants.one.company.api.post("/v1/auth/dashboard-token").raise_for_status().json()
    said = javascript.run(host_of(answer), answer["token"])
    mark = tenants.one.mark
    assert [row["name"] for row in said["one"]["data"]] == [f"Campaign {number} {mark}" for number in (2, 1)]
    assert said["one"]["count"] == 3
    assert said["two"]["data"] == [{"address": f"box2@{mark}.example"}]
    assert said["three"]["status"] == 405
    assert said["four"]["error"] is not None and said["four"]["data"] is None


@pytest.fixture
def publish(engine: Engine) -> Iterator[Callable[[Signer], None]]:
    """How an operator publishes keys: the file is written, and PostgREST reads it again. Undone in the end."""
    file = engine.home / "jwks.json"
    before = file.read_text()

    def published(text: str) -> None:
        write_private(file, text)
        with engine.sql() as sql:
            sql.execute("notify pgrst, 'reload config'")

    yield lambda signer: published(json.dumps(signer.jwks()))
    published(before)


def test_keys_are_rotated_while_a_dashboard_is_open(
    engine: Engine, tenants: Tenants, publish: Callable[[Signer], None]
) -> None:
    settings = engine.folder.settings()
    old, issuer = parse_keys(settings.signing_keys.get_secret_value()), Signer.from_settings(settings).issuer
    new = parse_keys(generate_key("s2"))
    tickets = Tickets.from_settings(settings)
    token = dashboard_token(tenants.one.company.api)
    said = claims_of(token)
    session = Session(said["sid"], said["org_id"], said["company_id"], said["sub"], said["user_role"])
    fresh = Signer({**new, **old}, issuer=issuer, tickets=tickets).sign(session)
    opened, coming = reader(engine, token), reader(engine, fresh)
    assert [client.get(VIEW).status_code for client in (opened, coming)] == [200, 401]
    publish(Signer({**old, **new}, issuer=issuer, tickets=tickets))
    wait_for("the new key", lambda: coming.get(VIEW).status_code == 200)
    assert opened.get(VIEW).status_code == 200, "what is open goes on"
    publish(Signer(new, issuer=issuer, tickets=tickets))
    wait_for("the end of the old key", lambda: opened.get(VIEW).status_code == 401)
    assert coming.get(VIEW).status_code == 200


def test_a_retired_ticket_key_opens_nothing(engine: Engine, tenants: Tenants) -> None:
    """A token whose `ctx` is of a key that the database does not know."""
    settings = engine.folder.settings()
    tickets = Tickets(parse_keys(generate_key("t9")))
    keys = parse_keys(settings.signing_keys.get_secret_value())
    said = claims_of(dashboard_token(tenants.one.company.api))
    session = Session(said["sid"], said["org_id"], said["company_id"], said["sub"], said["user_role"])
    token = Signer(keys, issuer=said["iss"], tickets=tickets).sign(session)
    assert reader(engine, token).get(VIEW).status_code == 401


def revoke(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    made = company.api.post("/v1/api-tokens", json={}).raise_for_status().json()
    token = dashboard_token(org.engine.client(made["token"]))
    return token, lambda: company.api.delete(f"/v1/api-tokens/{made['id']}")


def log_out(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    person = org.new_person("company_member", company)
    return dashboard_token(person.api), lambda: person.api.post("/v1/auth/logout")


def log_out_everywhere(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    person = org.new_person("org_member")
    other = org.engine.client(org.engine.login(org.slug, person.email)["access_token"])
    return dashboard_token(person.api), lambda: other.post("/v1/auth/logout-everywhere")


def suspend_user(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    person = org.new_person("company_member", company)
    path = f"/partner/v1/users/{person.id}"
    return dashboard_token(person.api), lambda: org.api.patch(path, json={"status": "suspended"})


def suspend_company(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    path = f"/partner/v1/companies/{company.id}"
    return dashboard_token(company.api), lambda: org.api.patch(path, json={"status": "suspended"})


def delete_company(org: Organization, company: Company) -> tuple[str, Callable[[], Any]]:
    return dashboard_token(company.api), lambda: org.api.delete(f"/partner/v1/companies/{company.id}")


@pytest.mark.parametrize("end", [revoke, log_out, log_out_everywhere, suspend_user, suspend_company, delete_company])
def test_what_ends_in_the_api_ends_here_with_the_next_request(
    engine: Engine, end: Callable[[Organization, Company], tuple[str, Callable[[], Any]]]
) -> None:
    org = engine.new_organization()
    token, act = end(org, org.new_company())
    client = inside(engine, token)
    assert client.get(VIEW).status_code == 200
    act().raise_for_status()
    answer = client.get(VIEW)
    assert answer.status_code == 401
    assert answer.json()["message"] == "This credential is not valid, or not any more."


def test_a_company_that_is_opened_again_is_read_again(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.new_company()
    token, suspend = suspend_company(org, company)
    suspend().raise_for_status()
    org.api.patch(f"/partner/v1/companies/{company.id}", json={"status": "active"}).raise_for_status()
    assert inside(engine, token).get(VIEW).status_code == 200


def test_a_token_ends_no_later_than_the_credential_that_it_is_of(engine: Engine) -> None:
    company = engine.new_organization().new_company()
    made = company.api.post("/v1/api-tokens", json={}).raise_for_status().json()
    with engine.sql() as sql:
        query = "update outbound.api_tokens set expires_at = now() + interval '90 seconds' where id = %s"
        sql.execute(query, [made["id"]])
    said = claims_of(dashboard_token(engine.client(made["token"])))
    assert 60 < said["exp"] - said["iat"] <= 90


def test_no_process_of_the_engine_shows_its_keys(engine: Engine) -> None:
    assert (engine.home / "jwks.json").stat().st_mode & 0o077 == 0
    document = json.loads((engine.home / "jwks.json").read_text())
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for key in document["keys"])
    command = Path(f"/proc/{engine.dev['pids']['postgrest']}/cmdline").read_text()
    said = (*engine.folder.state.keys.values(), *engine.folder.state.passwords.values())
    assert [secret for secret in said if secret in command] == []
