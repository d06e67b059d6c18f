"""What request and response models share: strict bodies, and text that Postgres can store."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
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


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul_character", "text may not contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "text may not contain half of a surrogate pair") from None
    return value


def sendable(value: SecretStr) -> SecretStr:
    """Return a secret that has bytes; half of a surrogate pair has none. Raises PydanticCustomError for that."""
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "text may not contain half of a surrogate pair") from None
    return value


Text = Annotated[str, AfterValidator(_storable)]
Charset = Annotated[
    Text | None,
    Query(
        min_length=1,
        max_length=40,
        description="The encoding of a CSV file, like windows-1252; without it, it is detected.",
    ),
]
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
