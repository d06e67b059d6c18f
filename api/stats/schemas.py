"""Bodies of the figures' addresses."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.http.figures import Figures
from api.http.schemas import Resource


class Group(Figures):
    """The figures of one group. Of the keys, those that the figures are not grouped by are null; so are a `step` and a
    `sender_id` that are not known. `name` is a company's, a campaign's or a sender's address."""

    day: date | None
    company_id: UUID | None
    campaign_id: UUID | None
    step: int | None
    sender_id: UUID | None
    name: str | None


class Stats(Resource):
    """What happened from one day to another, both included, where days begin as in `timezone`. Groups in which nothing
    happened are left out."""

    data: list[Group]
    next_cursor: None
    totals: Figures
    group_by: Literal["day", "company", "campaign", "step", "sender"]
    from_: date = Field(alias="from")
    to: date
    timezone: str
