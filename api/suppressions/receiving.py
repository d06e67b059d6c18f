"""Taking a do-not-contact list in: one entry, or many that are each judged by themselves."""

import asyncio
import json
from typing import Any, cast
from uuid import UUID

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.access.caller import own_company
from api.db.queries import beside
from api.errors import Unprocessable, UnsupportedMediaType, unknown_reference
from api.http.body import read_body
from api.http.idempotency import Write
from api.http.responses import json_response
from api.suppressions import schemas
from api.suppressions.adding import counted, put
from api.suppressions.reading import read_entries, read_json, row_of
from api.tables.table import WORKBOOK

SQL = beside(__file__, "queries.sql")
MEDIA_TYPES = ("application/json", "text/csv", "application/x-ndjson", WORKBOOK)


async def create(
    request: Request, write: Write, one: type[schemas.SuppressionCreate], company_id: UUID | None, charset: str | None
) -> Response:
    """Read a body of one entry or of many, add what is good, and return the answer.

    Raises what a body as a whole is refused with: UnsupportedMediaType, BadRequest, TooLarge, Unprocessable.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send one of {', '.join(MEDIA_TYPES)}.")
    body = await read_body(request)
    document = read_json(body) if media_type == "application/json" else None
    listed = cast("dict[str, Any]", document) if isinstance(document, dict) and "suppressions" in document else None
    many = media_type != "application/json" or listed is not None
    if not many:
        made = _validated(one, document)
        rows, company_id = [row_of(made)], getattr(made, "company_id", None) or company_id
    else:
        if listed is not None:
            company_id = _company_of(listed, one) or company_id
            document = listed["suppressions"]
        async with write.transaction(last=False) as tx:
            turn = tx.auth.company_id or company_id or tx.auth.org_id
        async with request.app.state.lists.take(turn):
            rows = await asyncio.to_thread(read_entries, media_type, document, body, charset)
    async with write.transaction(last=True) as tx:
        if one is schemas.OwnSuppressionCreate:
            company_id = own_company(tx, company_id)
            if await tx.one(SQL.company_exists, {"company_id": company_id}) is None:
                raise unknown_reference("company_id")
        results = await put(tx, company_id, rows, "import" if many else "manual")
        if many:
            return await write.finish(tx, json_response(_report(results)))
        ids = {"id": results[0]["suppression_id"], "of_organization": company_id is None}
        status = 201 if results[0]["result"] == "added" else 200
        return await write.finish(tx, json_response(await tx.body(SQL.get_suppression, ids), status=status))


def _validated(model: type[schemas.SuppressionCreate], document: Any) -> schemas.SuppressionCreate:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None


def _company_of(document: dict[str, Any], one: type[schemas.SuppressionCreate]) -> UUID | None:
    """Return the company that a list of many is for. Raises Unprocessable for what else stands beside the list."""
    known = {"suppressions", "company_id"} if one is schemas.OwnSuppressionCreate else {"suppressions"}
    if not isinstance(document["suppressions"], list):
        raise Unprocessable(
            'Send a list, like {"suppressions": [{"email": "…"}]}.',
            errors=[{"pointer": "/suppressions", "code": "list_type"}],
        )
    if unknown := sorted(set(document) - known):
        raise Unprocessable(
            "The body has a field that is not known here.",
            errors=[
                {"pointer": f"/{name.encode('utf-8', 'replace').decode()}", "code": "extra_forbidden"}
                for name in unknown
            ],
        )
    given = document.get("company_id")
    try:
        return None if given is None else UUID(given)
    except (ValueError, TypeError, AttributeError):
        raise Unprocessable(
            "`company_id` should be an id.", errors=[{"pointer": "/company_id", "code": "uuid_parsing"}]
        ) from None


def _report(results: list[dict[str, Any]]) -> bytes:
    counts = counted(results)
    totals = {"received": len(results), **{name: counts[name] for name in ("added", "known", "invalid")}}
    return json.dumps({"counts": totals, "results": results}, ensure_ascii=False, default=str).encode()
