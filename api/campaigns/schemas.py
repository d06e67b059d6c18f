"""Bodies of the campaigns' addresses."""

from datetime import datetime, time
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.campaigns.variables import as_html, unknown_variables
from api.http.schemas import SAID, Body, Metadata, MetadataPatch, Name, Resource, Text, whole

Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


def _timezone(value: str) -> str:
    if value not in available_timezones():
        raise PydanticCustomError("unknown_timezone", "not a time zone of the IANA database")
    return value


def _message(value: str) -> str:
    for _ in unknown_variables(value):
        raise PydanticCustomError(
            "unknown_variable",
            "variables are first_name, last_name, email, company_name and custom.<key>, in double braces",
        )
    return value


Message = Annotated[Text, AfterValidator(_message)]
Timezone = Annotated[
    str,
    AfterValidator(_timezone),
    Field(description="A name of the IANA database.", json_schema_extra={"format": "iana-timezone"}),
]


def _each_once(days: list[int]) -> list[int]:
    return sorted(set(days))


Days = Annotated[list[Annotated[int, *whole(1, 7)]], Field(min_length=1, max_length=7), AfterValidator(_each_once)]
Minutes = Annotated[int, *whole(3, 1440)]
Daily = Annotated[int, *whole(1, 10_000)]


class Schedule(Body):
    """When a campaign may send. Days are ISO: 1 is Monday, 7 is Sunday; times are in `timezone`."""

    timezone: Timezone = "UTC"
    days: Days = [1, 2, 3, 4, 5]
    start: Clock = "09:00"
    end: Clock = "17:00"
    minutes_between_sends: Minutes = 10
    max_new_leads_per_day: Daily = 100

    @model_validator(mode="after")
    def _window(self) -> "Schedule":
        if time.fromisoformat(self.start) >= time.fromisoformat(self.end):
            raise PydanticCustomError("empty_window", "`start` must be before `end`")
        return self


class SchedulePatch(Body):
    """What to change of a schedule; what is left out stays."""

    timezone: Timezone | None = None
    days: Days | None = None
    start: Clock | None = None
    end: Clock | None = None
    minutes_between_sends: Minutes | None = None
    max_new_leads_per_day: Daily | None = None


class CampaignCreate(Body):
    """A new campaign, as a draft."""

    name: Name
    capability: Literal["email_outreach", "linkedin_outreach"]
    schedule: Schedule = Schedule()
    metadata: Metadata = {}
    company_id: UUID | None = Field(default=None, description="Only with an organization token.")


class CampaignUpdate(Body):
    """What to change of a campaign; what is left out stays."""

    name: Name | None = None
    schedule: SchedulePatch | None = None
    metadata: MetadataPatch | None = None


class EmailStep(Body):
    """One email. An empty subject replies in the thread of the email before. `body` is HTML; plain text is wrapped."""

    type: Literal["email"]
    delay_days: Annotated[int, *whole(0, 365)]
    subject: Annotated[Message, StringConstraints(max_length=500, strip_whitespace=True)] = ""
    body: Annotated[
        Message,
        StringConstraints(max_length=100_000),
        *SAID,
        AfterValidator(as_html),
    ]


Days100 = Annotated[int, *whole(0, 100)]


class ConnectionRequestStep(Body):
    """An invitation on LinkedIn, with a note or without. What follows it goes to people who accept."""

    type: Literal["connection_request"]
    delay_days: Days100
    body: Annotated[Message, StringConstraints(max_length=300, strip_whitespace=True)] = ""


class MessageStep(Body):
    """One message on LinkedIn, to a person who is connected. `body` is plain text."""

    type: Literal["message"]
    delay_days: Days100
    body: Annotated[Message, StringConstraints(max_length=8000), *SAID]


class InMailStep(Body):
    """One InMail: a message to a person who need not be connected. `body` is plain text."""

    type: Literal["inmail"]
    delay_days: Days100
    subject: Annotated[Message, StringConstraints(max_length=200, strip_whitespace=True), *SAID]
    body: Annotated[Message, StringConstraints(max_length=1900), *SAID]


class QuietStep(Body):
    """A look at a person's profile, or following them."""

    type: Literal["profile_view", "follow"]
    delay_days: Days100


AnyStep = Annotated[
    EmailStep | ConnectionRequestStep | MessageStep | InMailStep | QuietStep, Field(discriminator="type")
]
STEP_TYPES = {
    "email_outreach": frozenset({"email"}),
    "linkedin_outreach": frozenset({"connection_request", "message", "inmail", "profile_view", "follow"}),
}


class SequencePut(Body):
    """The whole sequence, in order. A campaign takes the steps of its capability."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "steps": [
                        {"type": "email", "delay_days": 0, "subject": "A question", "body": "Hi {{first_name}}"},
                        {"type": "email", "delay_days": 3, "body": "Did my note reach you?"},
                    ]
                }
            ]
        }
    )

    steps: Annotated[list[AnyStep], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _first_subject(self) -> "SequencePut":
        first = self.steps[0]
        if isinstance(first, EmailStep) and not first.subject:
            raise PydanticCustomError("first_subject_missing", "the first email has no thread to reply in")
        return self

    @model_validator(mode="after")
    def _one_invitation(self) -> "SequencePut":
        if sum(step.type == "connection_request" for step in self.steps) > 1:
            raise PydanticCustomError("second_invitation", "a person can be invited once")
        return self


class SendersPut(Body):
    """The senders of the campaign."""

    sender_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]


class ScheduleOut(Resource):
    """When the campaign may send."""

    timezone: str
    days: list[int]
    start: str
    end: str
    minutes_between_sends: int
    max_new_leads_per_day: int


class Sync(Resource):
    """Whether what you want stands where messages are sent from. `reason` explains `failed` and `partial`: all stands
    but for people who could not be handed over, whose reasons are in the figures."""

    state: Literal["pending", "synced", "partial", "failed"]
    reason: str | None


class Campaign(Resource):
    """A campaign. `managed`: its content was made elsewhere, and only its people are changed here."""

    id: UUID
    company_id: UUID
    name: str
    capability: str
    status: Literal["draft", "active", "paused", "completed", "archived"]
    schedule: ScheduleOut
    sync: Sync
    pause_reason: Literal["suspended", "disconnected", "operator"] | None
    managed: bool
    metadata: Metadata
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CampaignList(Resource):
    """One page of campaigns, newest first."""

    data: list[Campaign]
    next_cursor: str | None


class Step(Resource):
    """One step of a sequence. `subject` and `body` are empty where nothing is said."""

    id: UUID
    position: int
    type: Literal["email", "connection_request", "message", "inmail", "profile_view", "follow"]
    delay_days: int
    subject: str
    body: str


class Sequence(Resource):
    """A campaign's steps, in order."""

    steps: list[Step]


class CampaignSenders(Resource):
    """The senders of a campaign."""

    sender_ids: list[UUID]
