"""Secrets are nowhere but with those they were given to: not in a log, not in an error, not in the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.engine import PASSWORD, Engine, Organization, add_leads, addresses, draft, start

TOKEN_SHAPE = "obx_(org|co|plat|rt|link|dev)_[0-9A-Za-z_-]{20,}"


@dataclass
class Said:
    """What was given in secret, and every answer that came back to callers who did not give it."""

    secrets: dict[str, str]
    answers: list[httpx.Response]


@pytest.fixture(scope="module")
def said(engine: Engine) -> Iterator[Said]:
    org = engine.new_organization()
    company = org.connected_company()
    person = org.new_person("company_admin", company)
    campaign = draft(company)
    add_leads(company, campaign, addresses(3))
    start(company, campaign)
    secrets = {
        "the organization's token": org.token, "the company's token": company.token,
        "the provider's key": engine.api_key, "a password": PASSWORD,
        "an access token": person.tokens["access_token"], "a refresh token": person.tokens["refresh_token"],
        "a device token": person.tokens["device_token"], "a wrong key": "canary-key-0123456789abcdef",
        "a wrong password": "canary password 0123456789",
    }  # fmt: skip
    yield Said(secrets, list(mistakes(engine, org, secrets)))


def mistakes(engine: Engine, org: Organization, secrets: dict[str, str]) -> Iterator[httpx.Response]:
    """Put secrets where they do not belong, and yield what is answered."""
    company = org.new_company()
    org.api.put(f"/partner/v1/companies/{company.id}/entitlements/email_outreach", json={"provider": "smartlead"})
    credential = {"api_key": secrets["a wrong key"]}
    yield org.api.post(
        "/partner/v1/connections", json={"company_id": company.id, "provider": "smartlead", "credential": credential}
    )
    anonymous = engine.client()
    yield anonymous.post(
        "/v1/auth/login", json={"organization": "x", "email": "a@b.example", "password": secrets["a wrong password"]}
    )
    for secret in secrets.values():
        yield anonymous.get("/v1/leads", headers={"Authorization": f"Bearer {secret}x"})
        yield anonymous.get(f"/hooks/{secret}")
        yield anonymous.post(f"/hooks/{secret}", content=secret.encode())
        yield anonymous.post("/v1/auth/refresh", json={"refresh_token": secret, "more": secret})
        yield anonymous.post("/v1/auth/password", json={"token": secret[:200], "password": secret[:100] + "-longer"})
        yield company.api.post("/v1/campaigns", content=f'{{"name": "{secret}'.encode())
        yield company.api.post("/v1/campaigns", json={"name": 7, "capability": secret})
        yield company.api.get("/v1/leads", params={"cursor": secret[:200], "limit": secret[:50]})


def test_no_answer_says_a_secret_back(said: Said) -> None:
    for answer in said.answers:
        for name, secret in said.secrets.items():
            assert secret not in answer.text + str(answer.headers), (name, answer.request.method, answer.url)
    assert {401, 404, 422} <= {answer.status_code for answer in said.answers}
    assert all(answer.status_code < 500 for answer in said.answers)


def test_no_log_holds_a_secret(said: Said, engine: Engine) -> None:
    logs = [path for path in Path(engine.home).rglob("*.log") if path.is_file()]
    assert {"api.log", "worker.log", "postgres.log"} <= {path.name for path in logs}
    for path in logs:
        text = path.read_text(errors="replace")
        for name, secret in said.secrets.items():
            assert secret not in text, f"{name} is in {path.name}"


def test_no_table_holds_a_token_or_a_password(said: Said, engine: Engine) -> None:
    kept = {name: secret for name, secret in said.secrets.items() if not name.startswith("a wrong")}
    with engine.sql() as conn:
        tables = conn.execute(
            "select n.nspname || '.' || c.relname as name "
            "from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname in ('outbound', 'ctx', 'jobs', 'dashboard') and c.relkind in ('r', 'p')"
        ).fetchall()
        assert len(tables) > 30
        for table in tables:
            stored = conn.execute(
                f"select count(*) as rows from {table['name']} as t "  # noqa: S608  # names from the catalog
                "where t::text ~ %(shape)s or t::text like any(%(kept)s)",
                {"shape": TOKEN_SHAPE, "kept": [f"%{secret}%" for secret in kept.values()]},
            ).fetchone()
            assert stored == {"rows": 0}, table["name"]
