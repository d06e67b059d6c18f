"""Bodies of the suppressions' addresses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.schemas import Body, Resource, Text

Value = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Domain = Annotated[Value, StringConstraints(pattern=r"^[^@\s/]+\.[^@\s/]+$")]
Email = Annotated[Value, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
Profile = Annotated[Value, StringConstraints(pattern=r"(?i)linkedin\.com/in/[^/?#\s]+")]


class SuppressionCreate(Body):
    """Whom not to contact: exactly one of an address, a domain or a LinkedIn profile."""

    email: Email | None = None
    domain: Domain | None = None
    linkedin_url: Profile | None = None
    company_id: UUID | None = Field(default=None, description="Only with an organization token.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "SuppressionCreate":
        if len(self.chosen()) != 1:
            raise PydanticCustomError("exactly_one", "give exactly one of email, domain and linkedin_url")
        return self

    def chosen(self) -> dict[str, str]:
        """Return the kinds that were given and their values."""
        return self.model_dump(include={"email", "domain", "linkedin_url"}, exclude_none=True)


class Suppression(Resource):
    """Somebody who is not contacted. `value` is the normalised spelling."""

    id: UUID
    company_id: UUID | None
    kind: Literal["email", "domain", "linkedin_url"]
    value: str
    source: Literal["manual", "unsubscribed"]
    created_at: datetime


class SuppressionList(Resource):
    """One page of suppressions, newest first."""

    data: list[Suppression]
    next_cursor: str | None
