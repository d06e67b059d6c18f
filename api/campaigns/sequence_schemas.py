"""Bodies of a campaign's sequence: its steps, and what people get of them."""

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from api.http.schemas import SAID, Body, Resource, Text, whole
from providers.markup import is_html, is_too_nested, says_something, sent_html
from providers.templates import foreign_signs, unknown_variables

LONGEST_BODY = 100_000
MOST_VARIABLES = 200  # of one text


def _message(value: str) -> str:
    if value.count("{{") > MOST_VARIABLES:
        raise PydanticCustomError("too_many_variables", "a text has at most {most} variables", {"most": MOST_VARIABLES})
    for _ in unknown_variables(value):
        raise PydanticCustomError(
            "unknown_variable",
            "variables are first_name, last_name, email, company_name, unsubscribe_link and custom.<key>, in double "
            "braces, and what is said where there is no value may follow after `|`",
        )
    return value


def _plain(value: str) -> str:
    _refuse_signs(value, is_html=False)
    return value


def _refuse_signs(value: str, *, is_html: bool) -> None:
    for place, sign in foreign_signs(value, is_html=is_html):
        raise PydanticCustomError(
            "foreign_template_sign",
            "at character {place} stand {length} characters that another tool takes for a template; variables are "
            "written in double braces, with what is said without a value after `|`",
            {"length": len(sign), "place": place + 1},
        )


def _one_line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise PydanticCustomError("line_break", "a subject has one line")
    return value


def _mail(value: str, info: ValidationInfo) -> str:
    """Check a mail's body in its format, and return it without what may not be sent."""
    as_html = info.data.get("format") == "html"
    _refuse_signs(value, is_html=as_html)
    if not as_html:
        return value
    if is_too_nested(value):
        raise PydanticCustomError("too_nested", "the body has too many elements, or too many in one another")
    shown = _message(sent_html(value))
    _refuse_signs(shown, is_html=True)  # what was hidden by what may not be sent
    if not says_something(shown):
        raise PydanticCustomError("blank", "the body says nothing")
    return shown


Message = Annotated[Text, AfterValidator(_message)]
Words = Annotated[Message, AfterValidator(_plain)]
Subject = Annotated[Words, StringConstraints(max_length=500, strip_whitespace=True), AfterValidator(_one_line)]


class EmailStep(Body):
    """One email. An empty subject replies in the thread of the email before. `format` says what `body` is: HTML, which
    is cleaned of what may not be sent, or text, whose paragraphs are wrapped when it is sent; left out, it is seen."""

    type: Literal["email"]
    delay_days: Annotated[int, *whole(0, 365)]
    format: Literal["text", "html"] | None = None
    subject: Subject = ""
    body: Annotated[Message, StringConstraints(max_length=LONGEST_BODY), *SAID, AfterValidator(_mail)]

    @model_validator(mode="before")
    @classmethod
    def _seen(cls, given: Any) -> Any:
        """See the format in the body as it was given: what is cleaned out of it may have been all that shows it."""
        if not isinstance(given, dict):
            return given
        step = cast("dict[str, Any]", given)
        body = step.get("body")
        if step.get("format") is not None or not isinstance(body, str):
            return step
        return {**step, "format": "html" if is_html(body[:LONGEST_BODY]) else "text"}


Days100 = Annotated[int, *whole(0, 100)]


class ConnectionRequestStep(Body):
    """An invitation on LinkedIn, with a note or without. What follows it goes to people who accept."""

    type: Literal["connection_request"]
    delay_days: Days100
    body: Annotated[Words, StringConstraints(max_length=300, strip_whitespace=True)] = ""


class MessageStep(Body):
    """One message on LinkedIn, to a person who is connected. `body` is plain text."""

    type: Literal["message"]
    delay_days: Days100
    body: Annotated[Words, StringConstraints(max_length=8000), *SAID]


class InMailStep(Body):
    """One InMail: a message to a person who need not be connected. `body` is plain text."""

    type: Literal["inmail"]
    delay_days: Days100
    subject: Annotated[Subject, StringConstraints(max_length=200), *SAID]
    body: Annotated[Words, StringConstraints(max_length=1900), *SAID]


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


class Step(Resource):
    """One step of a sequence. `subject` and `body` are empty where nothing is said."""

    id: UUID
    position: int
    type: Literal["email", "connection_request", "message", "inmail", "profile_view", "follow"]
    delay_days: int
    format: Literal["text", "html"]
    subject: str
    body: str


class Sequence(Resource):
    """A campaign's steps, in order."""

    steps: list[Step]


class PreviewWanted(Body):
    """Which people to show: people of the company, in this campaign or not; left out, the first ten of the campaign."""

    lead_ids: Annotated[list[UUID], Field(min_length=1, max_length=10)] | None = None


class PreviewStep(Resource):
    """One step as one person gets it. `missing` are the variables that have neither a value nor a fallback."""

    position: int
    type: str
    subject: str
    body: str
    missing: list[str]


class Preview(Resource):
    """All steps as one person gets them."""

    lead_id: UUID
    steps: list[PreviewStep]


class Previews(Resource):
    """What each person would get."""

    data: list[Preview]
