"""Two organizations to play with: the first gets its two companies over the API, as a partner would make them."""

import base64
from pathlib import Path
from typing import Any

import httpx
import psycopg

from api.crypto import Vault, last_four, new_token, parse_keys
from api.dev.home import Home
from api.queries import load

SQL = load(Path(__file__).with_name("seed.sql"))
ORGANIZATIONS = (
    ("Alder Growth", "alder", ("Birch Software",)),
    ("Cedar Partners", "cedar", ("Dogwood Labs",)),
)


def seed(home: Home) -> None:
    """Make what is missing; safe to run again. The first organization's other company is made by the walk."""
    for name, slug, companies in ORGANIZATIONS:
        organization = next((o for o in home.state.organizations if o["name"] == name), None)
        if organization is None:
            organization = create_organization(home, name, slug)
            home.state.organizations.append(organization)
            home.save()
        for company in companies:
            if all(known["name"] != company for known in organization["companies"]):
                organization["companies"].append(create_company(home, organization["org_token"], company))
                home.save()


def create_organization(home: Home, name: str, slug: str) -> dict[str, Any]:
    """Make a tenant and its first token, and return both."""
    keys = home.state.keys
    vault = Vault(
        pepper=base64.b64decode(keys["pepper"]),
        ticket_keys=parse_keys(keys["ticket"]),
        encryption_keys=parse_keys(keys["encryption"]),
    )
    token = new_token("org")
    with psycopg.connect(home.database_url("admin")) as conn:
        row = conn.execute(SQL.create_organization.sql, {"name": name, "slug": slug}).fetchone()
        if row is None:
            raise RuntimeError("the insert returned no row")
        params = {"org_id": row[0], "hmac": vault.token_hmac(token), "last_four": last_four(token)}
        conn.execute(SQL.create_org_token.sql, params)
    return {"id": str(row[0]), "name": name, "org_token": token, "companies": []}


def create_company(home: Home, org_token: str, name: str) -> dict[str, Any]:
    """Make a company and a token for it over the API."""
    with httpx.Client(base_url=home.api_url, headers={"Authorization": f"Bearer {org_token}"}) as client:
        company = client.post("/partner/v1/companies", json={"name": name}).raise_for_status().json()
        body = {"company_id": company["id"]}
        token = client.post("/partner/v1/api-tokens", json=body).raise_for_status().json()
    return {"id": company["id"], "name": name, "token": token["token"]}
