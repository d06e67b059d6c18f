"""Bodies of the leads' addresses."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)  # fmt: skip
from pydantic_core import PydanticCustomError

from api.http.schemas import Body, Metadata, MetadataPatch, Resource, Text
from providers.identity import profile_key

# Any link to a person's profile on the site; what `profile_key` makes of it decides.
PROFILE = r"^(https?://)?([a-z]+\.)?linkedin\.com/in/[a-z0-9][a-z0-9-]{2,80}/?$"
CustomKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,49}$")]


def _plainly(value: Any, judge: ValidatorFunctionWrapHandler) -> Any:
    """Say what is wrong with a value once, instead of once for each kind that it could have been."""
    try:
        return judge(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise PydanticCustomError(first["type"], first["msg"]) from None  # pyright: ignore[reportArgumentType]


CustomText = Annotated[Text, StringConstraints(max_length=5000)]
CustomValue = Annotated[CustomText | int | FiniteFloat | bool | None, WrapValidator(_plainly)]
Custom = Annotated[
    dict[CustomKey, CustomValue], Field(max_length=200, json_schema_extra={"additionalProperties": False})
]
Short = Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)]


def _whole(value: Any) -> Any:
    """Read a day as its beginning, and what names no zone in UTC."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
        return f"{value.strip()}T00:00:00Z"
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", value.strip()):
        return f"{value.strip()}Z"
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_whole)]


def _profile(value: str) -> str:
    if profile_key(value) is None:
        raise PydanticCustomError("linkedin_url", "should be a person's profile, as in https://www.linkedin.com/in/…")
    return value


LinkedInUrl = Annotated[
    Text,
    StringConstraints(strip_whitespace=True, max_length=500),
    AfterValidator(_profile),
    Field(json_schema_extra={"pattern": PROFILE}),
]


class LeadIn(Body):
    """One person. `custom` fills `{{custom.key}}` in messages. An email campaign needs the address, a LinkedIn
    campaign the profile; both are kept."""

    email: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=3, max_length=320)] | None = None
    linkedin_url: LinkedInUrl | None = None
    first_name: Short | None = None
    last_name: Short | None = None
    company_name: Short | None = None
    custom: Custom = {}
    source: Short | None = Field(default=None, description="Where the person is known from.")
    source_at: Moment | None = Field(default=None, description="Since when, as whoever gathered it says.")


class LeadUpdate(Body):
    """What to change of a person. Who they are, an address or a profile, stays."""

    first_name: Short | None = None
    last_name: Short | None = None
    company_name: Short | None = None
    custom: Custom | None = Field(default=None, description="Merged; a key given as null is removed.")
    metadata: MetadataPatch | None = None


class LeadsAdd(Body):
    """People to add; each is judged by itself."""

    leads: list[LeadIn]


class Note(Resource):
    """A field of a row that was not taken as given. It costs the row nothing; `code` says why."""

    field: str
    code: str


class LeadResult(Resource):
    """What became of one row. `index` counts from 0; `email` and `linkedin_url` are as given. `skipped`: the campaign's
    settings leave the person out, since another campaign writes to them or one has lately, as `reason` says. `notes`
    are of fields that were left out or taken from elsewhere."""

    index: int
    line: int | None = Field(description="Where the row begins in a file, from 1.")
    email: str | None
    linkedin_url: str | None
    result: Literal["added", "duplicate", "suppressed", "skipped", "invalid"]
    lead_id: UUID | None
    reason: str | None
    notes: list[Note]


class Counts(Resource):
    """How many rows had which result."""

    received: int
    added: int
    duplicate: int
    suppressed: int
    skipped: int
    invalid: int


class ListColumn(Resource):
    """One column of a file, and the field that it fills: `custom.<key>` is `{{custom.<key>}}` in messages. Null: it is
    left out."""

    column: str
    field: str | None


class LeadsAdded(Resource):
    """What became of every row. `columns` says how those of a file were understood, and is null for JSON."""

    counts: Counts
    columns: list[ListColumn] | None
    results: list[LeadResult]


class InspectedRow(Resource):
    """One row as it would be added; `reason` says why it could not be."""

    index: int
    line: int | None
    email: str | None
    linkedin_url: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    custom: dict[str, str | int | float | bool | None]
    source: str | None
    source_at: datetime | None
    reason: str | None
    notes: list[Note]


class ListInspected(Resource):
    """How a list is understood, and its first ten rows. `separator`, `encoding` and `sheet` are null where there is
    none."""

    format: Literal["csv", "xlsx", "json", "ndjson"]
    encoding: str | None
    separator: str | None
    sheet: str | None
    header_line: int | None
    columns: list[ListColumn] | None
    received: int = Field(description="Rows that hold something.")
    rows: list[InspectedRow]


PushState = Literal["pending", "sending", "pushed", "uncertain", "failed", "suppressed"]
Status = Literal["queued", "active", "paused", "replied", "bounced", "unsubscribed", "completed", "stopped"]
PUSH_STATES, STATUSES = list(get_args(PushState)), list(get_args(Status))


class Push(Resource):
    """How far handing the person over has come. `uncertain` is being settled by asking."""

    state: PushState
    reason: str | None


class CampaignLead(Resource):
    """One person in one campaign."""

    id: UUID
    campaign_id: UUID
    lead_id: UUID
    status: Status
    rests_until: date | None = Field(description="Paused for an absence, and goes on by itself on this day.")
    push: Push
    email: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    custom: dict[str, str | int | float | bool | None]
    last_event_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CampaignLeadList(Resource):
    """One page of a campaign's people, newest first."""

    data: list[CampaignLead]
    next_cursor: str | None


class Lead(Resource):
    """A person known to a company."""

    id: UUID
    company_id: UUID
    email: str | None
    linkedin_url: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    custom: dict[str, str | int | float | bool | None]
    metadata: Metadata
    source: str | None = Field(description="Where the person is known from.")
    source_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ContactReason(Resource):
    """One thing that speaks against contacting a person: an entry of the company's list, or what came of a campaign."""

    code: Literal["listed", "bounced", "replied", "in_campaign"]
    suppression_id: UUID | None
    kind: str | None
    value: str | None
    source: str | None
    since: datetime | None
    campaign_id: UUID | None


class Contactability(Resource):
    """Whether a person may be contacted."""

    lead_id: UUID
    contactable: bool
    reasons: list[ContactReason]


class LeadList(Resource):
    """One page of people, newest first."""

    data: list[Lead]
    next_cursor: str | None
