"""Two organizations to play with: the first gets its two companies over the API, as a partner would make them."""

import asyncio
import secrets
from typing import Any

import httpx
from psycopg.errors import UniqueViolation

from api.dev.home import Home
from api.organizations.operator import operating

ORGANIZATIONS = (
    ("Alder Growth", "alder", ("Birch Software",)),
    ("Cedar Partners", "cedar", ("Dogwood Labs",)),
)


def seed(home: Home) -> None:
    """Make what is missing; safe to run again. The first organization's other company is made by the walk."""
    for name, slug, companies in ORGANIZATIONS:
        organization = next((o for o in home.state.organizations if o["name"] == name), None)
        if organization is None:
            organization = _first_of_its_slug(home, name, slug)
            home.state.organizations.append(organization)
            home.save()
        for company in companies:
            if all(known["name"] != company for known in organization["companies"]):
                organization["companies"].append(create_company(home, organization["org_token"], company))
                home.save()


def _first_of_its_slug(home: Home, name: str, slug: str) -> dict[str, Any]:
    """Make an organization. Where an interrupted start has made it, its token is lost: another takes its place."""
    try:
        return create_organization(home, name, slug)
    except UniqueViolation:
        return create_organization(home, name, f"{slug}-{secrets.token_hex(2)}")


def create_organization(home: Home, name: str, slug: str) -> dict[str, Any]:
    """Make a tenant and its first token, as an operator would, and return both."""

    async def make() -> dict[str, Any]:
        async with operating(home.settings()) as operator:
            return await operator.create(name, slug, {})

    made = asyncio.run(make())
    return {"id": made["id"], "name": name, "slug": slug, "org_token": made["api_token"], "companies": []}


def create_company(home: Home, org_token: str, name: str) -> dict[str, Any]:
    """Make a company and a token for it over the API."""
    with httpx.Client(base_url=home.api_url, headers={"Authorization": f"Bearer {org_token}"}) as client:
        company = client.post("/partner/v1/companies", json={"name": name}).raise_for_status().json()
        body = {"company_id": company["id"]}
        token = client.post("/partner/v1/api-tokens", json=body).raise_for_status().json()
    return {"id": company["id"], "name": name, "token": token["token"]}
