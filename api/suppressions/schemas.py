"""Bodies of the suppressions' addresses."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.http.schemas import Body, Resource, Text
from api.suppressions.entries import KINDS, Entry, EntryError, read_entry

Value = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Kind = Literal["email", "domain", "linkedin_url"]
Source = Literal["manual", "import", "unsubscribed", "bounced", "complained", "do_not_contact"]
ONE_OF: list[Any] = [
    {
        "required": [kind],
        "properties": {other: {"type": "string" if other == kind else "null"} for other in KINDS},
    }
    for kind in KINDS
]


def _judge(kind: str) -> Callable[[str], str]:
    """Return the check that a value names somebody."""

    def judge(value: str) -> str:
        try:
            read_entry(kind, value)
        except EntryError as error:
            raise PydanticCustomError(error.code, "{said}", {"said": str(error).rstrip(".")}) from None  # pyright: ignore[reportArgumentType]
        return value

    return judge


def _shape(pattern: str) -> Any:
    """Return the documentation of a value: what is repaired is more than this, but this is taken."""
    return Field(json_schema_extra={"pattern": pattern})


Email = Annotated[Value, AfterValidator(_judge("email")), _shape(r"^[a-z0-9]{1,20}@[a-z0-9]{3,20}\.(com|org|example)$")]
Domain = Annotated[Value, AfterValidator(_judge("domain")), _shape(r"^[a-z0-9]{3,20}\.(com|org|example)$")]
Profile = Annotated[
    Value, AfterValidator(_judge("linkedin_url")), _shape(r"^https://www\.linkedin\.com/in/[a-z0-9]{3,30}$")
]


def _moment(value: datetime) -> datetime:
    """Return a moment in UTC, as far as Postgres and everybody's programs agree on it."""
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not 1970 <= moment.year <= 2100:
        raise PydanticCustomError("invalid_source_at", "should lie between 1970 and 2100")
    return moment.astimezone(UTC)


class SuppressionCreate(Body):
    """Whom not to contact: exactly one of an address, a domain or a LinkedIn profile. `www.`, `*.`, a port, `mailto:`
    and brackets are taken off; `*@example.com` is the domain."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_OF, "examples": [{"email": "maria@example.com"}]})

    email: Email | None = None
    domain: Domain | None = None
    linkedin_url: Profile | None = None
    include_subdomains: bool = Field(default=True, description="Of a domain: whether those below it are covered too.")
    include_plus_tags: bool = Field(default=False, description="Of an address: whether jo+…@ is covered with jo@.")
    source_at: Annotated[datetime, AfterValidator(_moment)] | None = Field(
        default=None, description="Since when; now unless it is given."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "SuppressionCreate":
        if len(self.chosen()) != 1:
            raise PydanticCustomError("exactly_one", "give exactly one of email, domain and linkedin_url")
        try:
            self.entry()
        except EntryError as error:
            raise PydanticCustomError("tag_alone", "an address that is nothing but a tag has no others") from error
        return self

    def chosen(self) -> dict[str, str]:
        """Return the kinds that were given and their values."""
        return self.model_dump(include=set(KINDS), exclude_none=True)

    def entry(self) -> Entry:
        """Return what is put on the list."""
        ((kind, value),) = self.chosen().items()
        return read_entry(kind, value, tags=self.include_plus_tags)


class OwnSuppressionCreate(SuppressionCreate):
    """The same on a company's list."""

    company_id: UUID | None = Field(default=None, description="Only with an organization token.")


class SuppressionsAdd(Body):
    """Many entries at once, at most 10,000; each is judged by itself."""

    suppressions: list[SuppressionCreate]
    company_id: UUID | None = Field(default=None, description="Only with an organization token.")


class SuppressionResult(Resource):
    """What became of one entry. `index` counts from 0; `value` is as given."""

    index: int
    value: str | None
    result: Literal["added", "known", "invalid"]
    suppression_id: UUID | None
    reason: str | None


class SuppressionCounts(Resource):
    """How many entries had which result."""

    received: int
    added: int
    known: int
    invalid: int


class SuppressionsAdded(Resource):
    """What became of every entry."""

    counts: SuppressionCounts
    results: list[SuppressionResult]


class Suppression(Resource):
    """Somebody who is not contacted. `value` is as given, repaired; without a company it is the organization's, which
    binds all its companies."""

    id: UUID
    company_id: UUID | None
    kind: Kind
    value: str
    include_subdomains: bool | None
    include_plus_tags: bool | None
    source: Source
    source_at: datetime
    created_at: datetime


class SuppressionList(Resource):
    """One page of suppressions, newest first."""

    data: list[Suppression]
    next_cursor: str | None
