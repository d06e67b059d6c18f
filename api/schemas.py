"""What request and response models share: strict bodies, and text that Postgres can hold."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

PROBLEM_JSON = "application/problem+json"


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul_character", "text may not contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "text may not contain half of a surrogate pair") from None
    return value


def sendable(value: SecretStr) -> SecretStr:
    """Return a secret that has bytes; half of a surrogate pair has none."""
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "text may not contain half of a surrogate pair") from None
    return value


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_storable),
    Field(json_schema_extra={"pattern": r"[^\s\x85]"}),
]


def _said(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "a message must say something")
    return value


SAID = (AfterValidator(_said), Field(json_schema_extra={"pattern": r"[^\s\x1c-\x1f\x85]"}))


def _not_text(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "should be a whole number")
    return value


def whole(least: int, most: int) -> tuple[Any, ...]:
    """Return the annotations of a whole number in a body: neither `true` nor `"1"` is one."""
    return (Field(ge=least, le=most), BeforeValidator(_not_text))


TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _timestamp(value: Any) -> Any:
    if not (isinstance(value, str) and TIMESTAMP.fullmatch(value)):
        raise PydanticCustomError("datetime_type", "should be a time as in 2030-01-31T12:00:00Z")
    return value


def _in_range(value: datetime) -> datetime:
    if not datetime(2, 1, 1, tzinfo=UTC) < value < datetime(9999, 1, 1, tzinfo=UTC):
        raise PydanticCustomError("datetime_range", "should lie in the years 2 to 9998")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp), AfterValidator(_in_range)]


def _ahead(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise PydanticCustomError("datetime_past", "should lie in the future")
    return value


Future = Annotated[Moment, AfterValidator(_ahead)]

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


class SenderHealth(Resource):
    """How a mailbox or seat is. `problem` is a code, as in the guide; null is none. `warmup_score` is 0 to 100, and
    `limits` are a day's, by what is done: `connection_requests`, `messages`. Null is what is not known."""

    problem: str | None
    warmup_score: int | None
    sent_today: int | None
    limits: dict[str, int]


class FieldError(Resource):
    """One thing wrong with a request: where (a JSON pointer, or `?name` for a query parameter) and what."""

    pointer: str
    code: str


class ProblemDocument(Resource):
    """An error, as RFC 9457 has it. Programs go by `code`; `detail` is for people."""

    type: str = Field(description="`urn:outbound:problem:` and the code.")
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] = Field(default=[], description="Each thing wrong, where there is more to say.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers these statuses with a problem document.

    What follows from the address, 400 where a body is read and 409 where a write can be repeated, is added by
    `api/documents.py`.
    """
    return _responses({401, 403, *statuses, 422, 429, 500, 503})


def public_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for a route that asks for no credential."""
    return _responses({*statuses, 422, 500, 503})


def problem_response(status: int) -> dict[str, Any]:
    """Return one status's entry among the `responses`."""
    code, title, detail = _MEANINGS[status]
    example: dict[str, Any] = {
        "type": f"urn:outbound:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": "req_40f25ac7dbe1be28837d0b23",
    }
    if status == 422:
        example["errors"] = [{"pointer": "/name", "code": "string_too_short"}]
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": detail, "content": {PROBLEM_JSON: {"schema": schema, "example": example}}}


def _responses(statuses: set[int]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemDocument, **problem_response(status)} for status in sorted(statuses)}


_MEANINGS = {
    400: ("invalid_json", "The request could not be read.", "The body is not JSON."),
    401: (
        "unauthorized",
        "Send a valid API token or access token as `Authorization: Bearer …`.",
        "The credential is missing, wrong, expired or revoked.",
    ),
    403: (
        "forbidden",
        "This credential may not do that.",
        "The credential's role or scopes do not include this.",
    ),
    404: ("not_found", "There is nothing here.", "There is nothing here, or nothing of yours."),
    409: (
        "conflict",
        "The request does not fit the present state.",
        "The request does not fit the present state, or one with this Idempotency-Key is still going on.",
    ),
    412: (
        "precondition_failed",
        "It has changed since you read it; read it again.",
        "It has changed since the version that If-Match names.",
    ),
    413: (
        "too_large",
        "The request is too large; send it in smaller parts.",
        "Too large; send it in smaller parts.",
    ),
    415: (
        "unsupported_media_type",
        "This content type is not taken here.",
        "This content type is not taken here.",
    ),
    422: (
        "invalid_request",
        "The request is well-formed but some of it cannot be accepted.",
        "Something in the request cannot be accepted; `errors` says where and what.",
    ),
    429: (
        "rate_limited",
        "Too many requests; come back after Retry-After seconds.",
        "Too many requests; see Retry-After.",
    ),
    500: (
        "internal_error",
        "The request could not be carried out.",
        "Something went wrong on our side; tell us the request_id.",
    ),
    503: (
        "unavailable",
        "The service is not available right now; try again.",
        "Not available right now; see Retry-After.",
    ),
}


# What a field holds in the documents' examples, by its name; kinds with fixed values or a format need no entry.
EXAMPLES: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6InMxIn0.eyJ0aWVyIjoiY29tcGFueSJ9.c2lnbmF0dXJl",
    "action": "create_campaign",
    "address": "maria@example.com",
    "api_key": "the-account's-key",
    "body": "<p>Hello {{first_name}}, is {{custom.city}} still home?</p>",
    "capability": "email_outreach",
    "company_name": "Birch Software",
    "credential_id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e13",
    "custom": {"city": "Lisbon"},
    "daily_limit": 50,
    "dashboard_token": None,
    "days": [1, 2, 3, 4, 5],
    "device_token": "obx_dev_b1946ac92492d2347c6235b4d2611184",
    "display_name": "Maria Costa",
    "email": "maria@example.com",
    "end": "17:00",
    "expires_at": "2031-01-01T00:00:00Z",
    "expires_in": 600,
    "first_name": "Maria",
    "health": {"problem": None, "warmup_score": 97, "sent_today": 12, "limits": {}},
    "direction": "outgoing",
    "index": 0,
    "key": "smartlead",
    "last_event_at": None,
    "last_four": "x3Qm",
    "last_name": "Costa",
    "last_used_at": None,
    "lead_id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e14",
    "linkedin_url": None,
    "max_new_leads_per_day": 100,
    "metadata": {"crm_id": "4711"},
    "minutes_between_sends": 10,
    "name": "Birch",
    "next_cursor": None,
    "organization": "alder",
    "password": "correct horse battery staple",
    "pause_reason": None,
    "permissions": ["campaigns:read", "campaigns:write"],
    "position": 1,
    "provider": "smartlead",
    "reason": None,
    "received": 1,
    "added": 1,
    "refresh_token": "obx_ref_5f4dcc3b5aa765d61d8327deb882cf99",
    "replaced_by": None,
    "request_id": "req_40f25ac7dbe1be28837d0b23",
    "revoked_at": None,
    "role": "company_member",
    "scopes": ["campaigns:read", "leads:write"],
    "sequence": 42,
    "slug": "alder",
    "start": "09:00",
    "started_at": None,
    "subject": "Hello {{first_name}}",
    "target": {"id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e11"},
    "timezone": "Europe/Lisbon",
    "title": "Email outreach",
    "token": "obx_co_MUxvW59ePmb9rqZgfWx2DnLpafGjJUS34fzM0x",
    "value": "maria@example.com",
}
