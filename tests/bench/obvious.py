"""The obvious design, to be compared: FastAPI, supabase-py, and a filter written by hand each time.

It is given every advantage that costs nothing to believe: its tokens lie in a dictionary instead of a table.
"""

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from yarl import URL

from supabase import AsyncClient, AsyncClientOptions, acreate_client

COLUMNS = "id,company_id,email,linkedin_url,first_name,last_name,company_name,custom,created_at,updated_at"
CAMPAIGN_COLUMNS = "id,company_id,name,capability,status,schedule,sync,started_at,created_at,updated_at"


class Lead(BaseModel):
    """A person."""

    id: UUID
    company_id: UUID
    email: str | None
    linkedin_url: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Campaign(BaseModel):
    """A campaign."""

    id: UUID
    company_id: UUID
    name: str
    capability: str
    status: str
    schedule: dict[str, Any]
    sync: dict[str, Any]
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime


class LeadPage(BaseModel):
    """A page of people."""

    data: list[Lead]
    next_cursor: str | None


class CampaignPage(BaseModel):
    """A page of campaigns."""

    data: list[Campaign]
    next_cursor: str | None


bearer = HTTPBearer()


def caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, str]:
    """Return whose token it is."""
    found = request.app.state.tokens.get(credentials.credentials)
    if found is None:
        raise HTTPException(401)
    return found


Caller = Annotated[dict[str, str], Depends(caller)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open one client for all requests."""
    client: AsyncClient = await acreate_client(
        "http://127.0.0.1:1", os.environ["BENCH_SERVICE_KEY"], AsyncClientOptions(schema="dashboard")
    )
    client.rest_url = URL(os.environ["BENCH_POSTGREST"])
    app.state.supabase = client
    yield


app = FastAPI(lifespan=lifespan)
app.state.tokens = json.loads(Path(os.environ.get("BENCH_TOKENS", "/dev/null")).read_text() or "{}")


def _page(rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    more = len(rows) > limit
    return {"data": rows[:limit], "next_cursor": rows[limit - 1]["id"] if more else None}


@app.get("/leads", response_model=LeadPage)
async def list_leads(request: Request, who: Caller, domain: str, limit: int = 50) -> Any:
    """List people of a mail domain, newest first."""
    table = request.app.state.supabase.table("leads").select(COLUMNS)
    scoped = table.eq("org_id", who["org_id"]).eq("company_id", who["company_id"])
    path = ".".join(reversed(domain.split(".")))  # as the index of all subdomains has it
    answer = await scoped.eq("domain_path", path).order("id", desc=True).limit(limit + 1).execute()
    return _page(answer.data, limit)


@app.get("/leads/{lead_id}", response_model=Lead)
async def get_lead(request: Request, who: Caller, lead_id: UUID) -> Any:
    """Return one person."""
    table = request.app.state.supabase.table("leads").select(COLUMNS)
    scoped = table.eq("org_id", who["org_id"]).eq("company_id", who["company_id"])
    answer = await scoped.eq("id", str(lead_id)).limit(1).execute()
    if not answer.data:
        raise HTTPException(404)
    return answer.data[0]


@app.get("/campaigns", response_model=CampaignPage)
async def list_campaigns(request: Request, who: Caller, limit: int = 50) -> Any:
    """List campaigns, newest first."""
    table = request.app.state.supabase.table("campaigns").select(CAMPAIGN_COLUMNS)
    scoped = table.eq("org_id", who["org_id"]).eq("company_id", who["company_id"])
    answer = await scoped.order("id", desc=True).limit(limit + 1).execute()
    return _page(answer.data, limit)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["OUTBOUND_PORT"]), log_config=None, access_log=False)
