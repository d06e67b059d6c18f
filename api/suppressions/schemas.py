"""Bodies of the suppressions' addresses."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.http.schemas import Body, Resource, Text

Value = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
DOMAIN = r"^[^@\s\x85/]+\.[^@\s\x85/]+$"
EMAIL = r"^[^@\s\x85]+@[^@\s\x85]+$"
PROFILE = r"[Ll][Ii][Nn][Kk][Ee][Dd][Ii][Nn]\.[Cc][Oo][Mm]/[Ii][Nn]/[^/?#\s\x85]+"
# A pattern that follows a function is left out of the JSON Schema, so it is said once more.
Domain = Annotated[Value, StringConstraints(pattern=DOMAIN), Field(json_schema_extra={"pattern": DOMAIN})]
Email = Annotated[Value, StringConstraints(pattern=EMAIL), Field(json_schema_extra={"pattern": EMAIL})]
Profile = Annotated[Value, StringConstraints(pattern=PROFILE), Field(json_schema_extra={"pattern": PROFILE})]
KINDS = ("email", "domain", "linkedin_url")
ONE_OF: list[Any] = [
    {
        "required": [kind],
        "properties": {other: {"type": "string" if other == kind else "null"} for other in KINDS},
    }
    for kind in KINDS
]


class SuppressionCreate(Body):
    """Whom not to contact: exactly one of an address, a domain or a LinkedIn profile."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_OF, "examples": [{"email": "maria@example.com"}]})

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
