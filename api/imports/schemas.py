"""Imports in and out."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.http.schemas import Resource

State = Literal["queued", "running", "completed", "failed", "canceled"]
Kind = Literal["leads", "suppressions"]


class ImportColumn(Resource):
    """A column of the list and the field that it fills; null where it is left out."""

    column: str
    field: str | None


class ImportCounts(Resource):
    """How many rows have been read, and what became of them. `added`, `duplicate`, `suppressed` and `skipped` are as
    for people who are added to a campaign, `known` are entries that were on the list."""

    received: int
    added: int
    duplicate: int
    known: int
    suppressed: int
    skipped: int
    invalid: int


class Import(Resource):
    """A long list on its way in. What is null is not known yet, or there is none."""

    id: UUID
    company_id: UUID
    kind: Kind
    campaign_id: UUID | None = Field(description="That people are added to.")
    name: str
    source: str = Field(description="What people are known from, where a row does not say.")
    state: State
    reason: str | None = Field(description="Why it failed, a code.", examples=[None])
    detail: str | None = Field(description="The same in words.", examples=[None])
    size: int = Field(description="Bytes that were sent.")
    progress: float = Field(ge=0, le=1, description="The share that has been read.")
    format: Literal["csv", "xlsx", "ndjson"] | None = Field(examples=["csv"])
    encoding: str | None = Field(examples=["utf-8"])
    separator: str | None = Field(examples=[","])
    sheet: str | None = Field(examples=[None])
    header_line: int | None = Field(examples=[1])
    columns: list[ImportColumn] | None
    counts: ImportCounts
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ImportList(Resource):
    """One page of imports, newest first."""

    data: list[Import]
    next_cursor: str | None
