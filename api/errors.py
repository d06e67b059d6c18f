"""The one tree of errors a caller can see, as RFC 9457 problem documents.

    Problem                          status and code of its own; the docstring is the title
    ├── BadRequest            400
    ├── Unauthorized          401
    │   ├── LoginFailed       401    one answer for every reason
    │   └── SessionEnded      401
    ├── Forbidden             403    the credential's role or scopes do not include it
    ├── NotFound              404    also for every row of another tenant
    ├── MethodNotAllowed      405
    ├── Conflict              409
    │   └── CampaignNotReady  409    lists what is missing
    ├── RequestTimeout        408    a body that comes too slowly
    ├── PreconditionFailed    412
    ├── TooLarge              413
    ├── UnsupportedMediaType  415
    ├── Unprocessable         422    `errors` carry a pointer and a code, never the input
    ├── TooManyRequests       429    with Retry-After
    └── Unavailable           503    with Retry-After

What Postgres raises becomes one of these in `problem_from_database`, by SQLSTATE and constraint name; each subject
declares the constraints that a caller can cause to fail. Postgres' own words never leave.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout


class Problem(Exception):
    """The request could not be carried out."""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.errors = list(errors)
        self.retry_after = retry_after

    @property
    def title(self) -> str:
        """The first line of the class's docstring."""
        return (type(self).__doc__ or "").strip().splitlines()[0]

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the problem document for one request."""
        body: dict[str, Any] = {
            "type": f"urn:outbound:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = self.errors
        return body


class BadRequest(Problem):
    """The request could not be read."""

    status, code = 400, "bad_request"


class Unauthorized(Problem):
    """Send a valid API token or access token as `Authorization: Bearer …`."""

    status, code = 401, "unauthorized"


class LoginFailed(Unauthorized):
    """Logging in did not succeed."""

    code = "login_failed"


class SessionEnded(Unauthorized):
    """The session has ended; log in again."""

    code = "session_ended"


class Forbidden(Problem):
    """This credential may not do that."""

    status, code = 403, "forbidden"


class NotFound(Problem):
    """There is nothing here."""

    status, code = 404, "not_found"


class MethodNotAllowed(Problem):
    """This address does not take this method."""

    status, code = 405, "method_not_allowed"


class RequestTimeout(Problem):
    """The body took too long; send it again, faster or in smaller parts."""

    status, code = 408, "request_timeout"


class Conflict(Problem):
    """The request does not fit the present state."""

    status, code = 409, "conflict"


class CampaignNotReady(Conflict):
    """The campaign cannot start yet; `errors` lists what is missing."""

    code = "campaign_not_ready"


class PreconditionFailed(Problem):
    """It has changed since you read it; read it again."""

    status, code = 412, "precondition_failed"


class TooLarge(Problem):
    """The request is too large; send it in smaller parts."""

    status, code = 413, "too_large"


class UnsupportedMediaType(Problem):
    """This content type is not taken here."""

    status, code = 415, "unsupported_media_type"


class Unprocessable(Problem):
    """The request is well-formed but some of it cannot be accepted."""

    status, code = 422, "invalid_request"


class TooManyRequests(Problem):
    """Too many requests; come back after Retry-After seconds."""

    status, code = 429, "rate_limited"


class Unavailable(Problem):
    """The service is not available right now; try again."""

    status, code = 503, "unavailable"


ProblemOfConstraint = Callable[[], Problem]
_constraints: dict[str, ProblemOfConstraint] = {}


def register_constraints(problems: Mapping[str, ProblemOfConstraint]) -> None:
    """Say which problem the failure of each of these constraints is, by its name. Subjects declare theirs."""
    _constraints.update(problems)


def reference(field: str) -> ProblemOfConstraint:
    """Return the problem of a foreign key: the id in this field of the body names nothing of the caller's."""
    return lambda: unknown_reference(field)


def check(pointer: str, code: str, detail: str) -> ProblemOfConstraint:
    """Return the problem of a check that only the database can make, because it knows the half that was not sent."""
    return lambda: Unprocessable(detail, errors=[{"pointer": pointer, "code": code}])


def state(code: str, detail: str) -> ProblemOfConstraint:
    """Return the problem of a constraint on what may follow what."""
    return lambda: Conflict(detail, code=code)


METADATA = check("/metadata", "metadata_too_large", "`metadata` holds at most 50 keys and 16 KiB in all.")


def unknown_reference(field: str) -> Unprocessable:
    """Return the one refusal for an id in a body that names nothing of the caller's, wherever it really belongs."""
    return Unprocessable(
        f"`{field}` names something that does not exist.",
        code="unknown_reference",
        errors=[{"pointer": f"/{field}", "code": "unknown_reference"}],
    )


def problem_from_database(error: Exception) -> Problem:
    """Return what a caller may know of a database error, judged by SQLSTATE and constraint name."""
    if isinstance(error, PoolTimeout):
        return Unavailable(retry_after=2)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state in ("23503", "23514") and isinstance(error, psycopg.Error):
        return _constraint(error.diag.constraint_name, state)
    if state in BY_STATE:
        # A ticket of ours that was too old for the database's clock is no caller's fault; the next one is good.
        is_ours = isinstance(error, psycopg.Error) and error.diag.message_hint == "expired"
        return _busy() if is_ours else BY_STATE[state]()
    if isinstance(error, psycopg.DataError) and state is None:
        return _bad_text()  # psycopg itself refuses NUL before it sends the query
    if isinstance(error, psycopg.OperationalError):
        return Unavailable(retry_after=2)
    return Problem("Something went wrong on our side; tell us the request_id.")


def _constraint(name: str | None, state: str) -> Problem:
    if name in _constraints:
        return _constraints[name]()
    if state == "23503":
        return unknown_reference("id")
    return Problem("Something went wrong on our side; tell us the request_id.")


def _bad_text() -> Problem:
    return Unprocessable("Text may not contain the NUL character.", code="invalid_text")


def _busy() -> Problem:
    return Unavailable(retry_after=1)


def _exists() -> Problem:
    return Conflict("This already exists.", code="already_exists")


BY_STATE: dict[str | None, Callable[[], Problem]] = {
    "28000": Unauthorized,
    "22P05": _bad_text,
    "22021": _bad_text,
    "23505": _exists,
    "42501": NotFound,
    "40001": _busy,
    "40P01": _busy,
    "55P03": _busy,
    "57014": _busy,
}
