"""Bodies of the campaigns' addresses."""

from datetime import datetime, time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.http.figures import Figures
from api.http.schemas import Body, Metadata, MetadataPatch, Name, Resource, whole
from api.http.timezones import Timezone

Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


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


Unsubscribe = Literal["header", "link", "both", "none"]
RestDays = Annotated[int, *whole(0, 365)]


class Settings(Body):
    """How a campaign sends, and what adding people leaves out. A capability's `features` say which have effect.

    `unsubscribe`: by a header of the mail, by `{{unsubscribe_link}}` in its text, by both, or, where the partner allows
    it, not at all. `rest_days`: who was written to by the company in the last so many days is not added.
    `skip_if_in_other_campaign`: nor is who another campaign still writes to. `stop_domain_on_reply`: a reply stops
    all people of its domain.
    """

    track_opens: bool = False
    track_clicks: bool = False
    plain_text: bool = False
    unsubscribe: Unsubscribe = "both"
    rest_days: RestDays = 0
    skip_if_in_other_campaign: bool = False
    stop_domain_on_reply: bool = False


class SettingsPatch(Body):
    """What to change of the settings; what is left out stays."""

    track_opens: bool | None = None
    track_clicks: bool | None = None
    plain_text: bool | None = None
    unsubscribe: Unsubscribe | None = None
    rest_days: RestDays | None = None
    skip_if_in_other_campaign: bool | None = None
    stop_domain_on_reply: bool | None = None


class CampaignCreate(Body):
    """A new campaign, as a draft."""

    name: Name
    capability: Literal["email_outreach", "linkedin_outreach"]
    schedule: Schedule = Schedule()
    settings: Settings = Settings()
    metadata: Metadata = {}
    company_id: UUID | None = Field(default=None, description="Only with an organization token.")


class CampaignUpdate(Body):
    """What to change of a campaign; what is left out stays."""

    name: Name | None = None
    schedule: SchedulePatch | None = None
    settings: SettingsPatch | None = None
    metadata: MetadataPatch | None = None


class Clone(Body):
    """How the new campaign is called; left out, a copy of the other."""

    name: Name | None = None


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


class SettingsOut(Resource):
    """How the campaign sends, and what adding people leaves out."""

    track_opens: bool
    track_clicks: bool
    plain_text: bool
    unsubscribe: Unsubscribe
    rest_days: int
    skip_if_in_other_campaign: bool
    stop_domain_on_reply: bool


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
    settings: SettingsOut
    sync: Sync
    pause_reason: Literal["suspended", "disconnected", "operator"] | None
    managed: bool
    metadata: Metadata
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ListedCampaign(Campaign):
    """A campaign of a list; `stats` are there where they were requested."""

    stats: Figures | None = None


class CampaignList(Resource):
    """One page of campaigns, newest first."""

    data: list[ListedCampaign]
    next_cursor: str | None


class CampaignSenders(Resource):
    """The senders of a campaign."""

    sender_ids: list[UUID]


class Finding(Resource):
    """One thing that stands against starting, or that should be known before; `detail` says what to do."""

    code: str
    pointer: str
    detail: str


class Preflight(Resource):
    """What stands against starting (`errors`), and what does not but should be known (`warnings`)."""

    ready: bool
    errors: list[Finding]
    warnings: list[Finding]
