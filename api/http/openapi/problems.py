"""Errors in the OpenAPI documents: the shape of a problem document, and which of them a route answers with."""

from typing import Any

from pydantic import Field

from api.errors import Problem
from api.http.schemas import Resource

PROBLEM_JSON = "application/problem+json"


class FieldError(Resource):
    """One thing wrong with a request: where (a JSON pointer, or `?name` for a query parameter) and what,
    and in `detail` what to do, where that is more than the code says."""

    pointer: str
    code: str
    detail: str | None = None


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
    `api/http/openapi/documents.py`.
    """
    return _responses({401, 403, *statuses, 422, 429, 500, 503})


def public_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for a route that asks for no credential."""
    return _responses({*statuses, 422, 500, 503})


def problem_response(status: int) -> dict[str, Any]:
    """Return one status's entry among the `responses`."""
    kind, detail = _KINDS[status], _DETAILS[status]
    example = kind(detail, code=_CODES.get(status)).document("req_40f25ac7dbe1be28837d0b23")
    if status == 422:
        example["errors"] = [{"pointer": "/name", "code": "string_too_short"}]
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": detail, "content": {PROBLEM_JSON: {"schema": schema, "example": example}}}


def _responses(statuses: set[int]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemDocument, **problem_response(status)} for status in sorted(statuses)}


# What a status' example says; code and title are those of its class in `api/errors.py`, except where a code is named.
_DETAILS = {
    400: "The body is not JSON.",
    401: "The credential is missing, wrong, expired or revoked.",
    403: "The credential's role or scopes do not include this.",
    404: "There is nothing here, or nothing of yours.",
    408: "The body took longer than 10 seconds and one more for each 100 kB.",
    409: "The request does not fit the present state, or one with this Idempotency-Key is still going on.",
    412: "It has changed since the version that If-Match names.",
    413: "Too large; send it in smaller parts.",
    415: "This content type is not taken here.",
    422: "Something in the request cannot be accepted; `errors` says where and what.",
    429: "Too many requests; see Retry-After.",
    500: "Something went wrong on our side; tell us the request_id.",
    503: "Not available right now; see Retry-After.",
}
_CODES = {400: "invalid_json"}
_KINDS = {kind.status: kind for kind in (Problem, *Problem.__subclasses__())}
