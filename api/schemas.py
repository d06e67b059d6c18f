"""What request and response models share: strict bodies, and text that Postgres can hold."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul_character", "text may not contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "text may not contain half of a surrogate pair") from None
    return value


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]


MetadataKey = Annotated[Text, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[Text, StringConstraints(max_length=500)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue], Field(max_length=50, description="Your own keys: kept and shown, never read.")
]
MetadataPatch = Annotated[
    dict[MetadataKey, MetadataValue | None],
    Field(max_length=50, description="Merged into what is there; a key given as null is removed."),
]


class Body(BaseModel):
    """A request body: an unknown field is an error, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Resource(BaseModel):
    """A response: every field is always there, so generated clients see it as required."""

    model_config = ConfigDict(extra="forbid")


class FieldError(Resource):
    """One thing wrong with a request: where (a JSON pointer, or `?name` for a query parameter) and what."""

    pointer: str
    code: str


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None


PROBLEM: dict[str, Any] = {"model": ProblemDocument, "content": {"application/problem+json": {}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers these statuses with a problem document."""
    return {
        status: {**PROBLEM, "description": _MEANINGS[status]} for status in sorted({401, 403, *statuses, 422, 429, 503})
    }


def public_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for a route that asks for no credential."""
    return {status: {**PROBLEM, "description": _MEANINGS[status]} for status in sorted({401, *statuses, 422, 503})}


_MEANINGS = {
    401: "The credential is missing, wrong, expired or revoked.",
    403: "The credential's role or scopes do not include this.",
    404: "There is nothing here, or nothing of yours.",
    409: "The request does not fit the present state.",
    412: "It has changed since the version that If-Match names.",
    413: "Too large; send it in smaller parts.",
    415: "This content type is not taken here.",
    422: "Something in the request cannot be accepted.",
    429: "Too many requests; see Retry-After.",
    503: "Not available right now; see Retry-After.",
}
