"""`/v1/suppressions`, whom a company does not contact, and `/partner/v1/suppressions`, whom none of a partner's do."""

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from api.access.caller import CompanyFilter, Reader, Reads, own_company
from api.db.pool import Tx
from api.db.queries import beside
from api.errors import Forbidden, Unprocessable, UnsupportedMediaType, unknown_reference
from api.http.body import read_body
from api.http.idempotency import Write, Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Text
from api.suppressions import schemas
from api.suppressions.entries import EntryError, kind_of, read_entry
from api.suppressions.reading import Row, read_entries, read_json, row_of

SQL = beside(__file__)
router = APIRouter(prefix="/v1/suppressions", route_class=Guarded, tags=["suppressions"])
partner_router = APIRouter(prefix="/partner/v1/suppressions", route_class=Guarded, tags=["suppressions"])
MEDIA_TYPES = ("application/json", "text/csv", "application/x-ndjson")
COLUMNS = ("kind", "value", "include_subdomains", "include_plus_tags", "source", "source_at", "created_at")
Listed = Annotated[Text | None, Query(max_length=500, description="The entry of this address, domain or profile.")]


def _request_body(one: str) -> dict[str, Any]:
    """Return the documentation of a body that is one entry or many."""
    return {
        "requestBody": {
            "required": True,
            "description": "One entry, or at most 10,000 or 10 MiB of them. A CSV needs a header row with a column "
            "`email`, `domain`, `linkedin_url` or `value`; many are answered 200 with a result for each.",
            "content": {
                "application/json": {
                    "schema": {
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{one}"},
                            {"$ref": "#/components/schemas/SuppressionsAdd"},
                        ]
                    }
                },
                "text/csv": {"schema": {"type": "string", "format": "csv"}, "example": "email\nmaria@example.com\n"},
                "application/x-ndjson": {
                    "schema": {"type": "string", "format": "ndjson"},
                    "example": '{"domain": "example.com"}\n',
                },
            },
        }
    }


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": schemas.Suppression | schemas.SuppressionsAdded,
        "description": "It was there already; or what became of each of many.",
    },
    **problems(413, 415),
}


@router.post(
    "",
    status_code=201,
    response_model=schemas.Suppression,
    responses=ANSWERS,
    openapi_extra=_request_body("OwnSuppressionCreate"),
)
async def create_suppression(request: Request, write: Writes, company_id: CompanyFilter = None) -> Response:
    """Never contact somebody again: an address, a domain, a profile, or a list of them.

    Whoever waits in a campaign is taken out, and whoever is in one is stopped, soon after the answer; nobody is handed
    over from the answer on.
    """
    return await _create(request, write, schemas.OwnSuppressionCreate, company_id)


@partner_router.post(
    "",
    status_code=201,
    response_model=schemas.Suppression,
    responses=ANSWERS,
    openapi_extra=_request_body("SuppressionCreate"),
)
async def create_organization_suppression(request: Request, write: Writes) -> Response:
    """Have none of the organization's companies contact somebody."""
    return await _create(request, write, schemas.SuppressionCreate, None)


@router.get("", response_model=schemas.SuppressionList, responses=problems())
async def list_suppressions(
    reads: Reads, page: PageDep, company_id: CompanyFilter = None, value: Listed = None
) -> Response:
    """List a company's suppressions, newest first."""
    filters = {"company_id": company_id, "of_organization": False, "key": _key(value)}
    return json_response(await reads.body(SQL.list_suppressions, {**filters, **page.by_id()}))


@partner_router.get("", response_model=schemas.SuppressionList, responses=problems())
async def list_organization_suppressions(reads: Reads, page: PageDep, value: Listed = None) -> Response:
    """List the organization's own suppressions, newest first."""
    filters = {"company_id": None, "of_organization": True, "key": _key(value)}
    return json_response(await reads.body(SQL.list_suppressions, {**filters, **page.by_id()}))


EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Every entry, oldest first, as CSV."},
    **problems(),
}


@router.get("/export", response_class=Response, responses=EXPORT)
async def export_suppressions(reads: Reads, company_id: CompanyFilter = None) -> Response:
    """Return a company's whole list as CSV, which can be sent back as it is."""
    return await _export(reads, {"company_id": company_id, "of_organization": False})


@partner_router.get("/export", response_class=Response, responses=EXPORT)
async def export_organization_suppressions(reads: Reads) -> Response:
    """Return the organization's whole list as CSV."""
    return await _export(reads, {"company_id": None, "of_organization": True})


@router.get("/{suppression_id}", response_model=schemas.Suppression, responses=problems(404))
async def get_suppression(suppression_id: UUID, reads: Reads) -> Response:
    """Return one suppression of a company."""
    params = {"id": suppression_id, "of_organization": False}
    return json_response(or_404(await reads.body(SQL.get_suppression, params)))


@partner_router.get("/{suppression_id}", response_model=schemas.Suppression, responses=problems(404))
async def get_organization_suppression(suppression_id: UUID, reads: Reads) -> Response:
    """Return one suppression of the organization."""
    params = {"id": suppression_id, "of_organization": True}
    return json_response(or_404(await reads.body(SQL.get_suppression, params)))


@router.delete("/{suppression_id}", status_code=204, responses=problems(404))
async def delete_suppression(suppression_id: UUID, tx: Writing) -> Response:
    """Allow contact again. Nobody who was taken out of a campaign comes back by this.

    Whoever unsubscribed or complained is taken off by an administrator only.
    """
    return await _delete(tx, suppression_id, of_organization=False)


@partner_router.delete("/{suppression_id}", status_code=204, responses=problems(404))
async def delete_organization_suppression(suppression_id: UUID, tx: Writing) -> Response:
    """Take an entry off the organization's list. The companies' own lists stay as they are."""
    return await _delete(tx, suppression_id, of_organization=True)


async def _create(
    request: Request, write: Write, one: type[schemas.SuppressionCreate], company_id: UUID | None
) -> Response:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType("Send application/json, text/csv or application/x-ndjson.")
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
            rows = await asyncio.to_thread(read_entries, media_type, document, body)
    async with write.transaction(last=True) as tx:
        if one is schemas.OwnSuppressionCreate:
            company_id = own_company(tx, company_id)
            if await tx.one(SQL.company_exists, {"company_id": company_id}) is None:
                raise unknown_reference("company_id")
        results = await _put(tx, company_id, rows, "import" if many else "manual")
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
            errors=[{"pointer": f"/{name}", "code": "extra_forbidden"} for name in unknown],
        )
    given = document.get("company_id")
    try:
        return None if given is None else UUID(given)
    except (ValueError, TypeError, AttributeError):
        raise Unprocessable(
            "`company_id` should be an id.", errors=[{"pointer": "/company_id", "code": "uuid_parsing"}]
        ) from None


async def _put(tx: Tx, company_id: UUID | None, rows: Sequence[Row], source: str) -> list[dict[str, Any]]:
    """Add what is good, each once, and return what became of every row."""
    results: list[dict[str, Any]] = []
    firsts: dict[str, int] = {}
    entries: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        said: dict[str, Any] = {
            "index": place,
            "value": row.given,
            "result": "invalid",
            "suppression_id": None,
            "reason": row.reason,
        }
        results.append(said)
        if row.entry is None:
            continue
        said["result"] = "known"
        if firsts.setdefault(row.entry.key, place) == place:
            entries.append(
                {
                    "place": place, "kind": row.entry.kind, "value": row.entry.value, "key": row.entry.key,
                    "subdomains": row.subdomains, "tags": row.tags,
                    "source_at": row.source_at.isoformat() if row.source_at else None,
                }
            )  # fmt: skip
    if entries:
        params = {"company_id": company_id, "source": source, "entries": json.dumps(entries)}
        for written in await tx.many(SQL.put_suppressions, params):
            said = results[int(written["place"])]
            said |= {"suppression_id": written["id"], "result": "added" if written["created"] else "known"}
    await _find(tx, company_id, rows, results, firsts)
    return results


async def _find(
    tx: Tx, company_id: UUID | None, rows: Sequence[Row], results: list[dict[str, Any]], firsts: dict[str, int]
) -> None:
    """Fill in the ids of entries that somebody added at the same moment, and of rows that say the same again."""
    lost = [key for key, place in firsts.items() if results[place]["suppression_id"] is None]
    if lost:
        found = await tx.many(SQL.find_suppressions, {"company_id": company_id, "keys": lost})
        for row in found:
            results[firsts[row["key"]]]["suppression_id"] = row["id"]
    for row, said in zip(rows, results, strict=True):
        if row.entry is not None and said["suppression_id"] is None:
            said["suppression_id"] = results[firsts[row.entry.key]]["suppression_id"]


def _report(results: list[dict[str, Any]]) -> bytes:
    counts = Counter(said["result"] for said in results)
    totals = {"received": len(results), **{name: counts[name] for name in ("added", "known", "invalid")}}
    return json.dumps({"counts": totals, "results": results}, ensure_ascii=False, default=str).encode()


async def _delete(tx: Tx, suppression_id: UUID, *, of_organization: bool) -> Response:
    params = {"id": suppression_id, "of_organization": of_organization}
    held = or_404(await tx.one(SQL.lock_suppression, params))
    if held["source"] in ("unsubscribed", "complained") and tx.auth.role in ("company_member", "org_member"):
        raise Forbidden(
            "This person asked not to be contacted; only an administrator may lift it.", code="unsubscribed"
        )
    or_404(await tx.one(SQL.delete_suppression, params))
    return Response(status_code=204)


def _key(value: str | None) -> str | None:
    """Return the key that a filter names; what names nobody finds nothing."""
    if value is None:
        return None
    try:
        return read_entry(kind_of(value), value).key
    except EntryError:
        return ""


async def _export(reads: Reader, params: dict[str, Any]) -> Response:
    """Stream the list page by page, each a read of its own; the first is read before anything is answered."""
    first = await reads.body(SQL.export_suppressions, {**params, "after": None})

    async def pages() -> AsyncIterator[str]:
        document = json.loads(first or b"{}")
        yield _csv([COLUMNS])
        while document.get("rows"):
            yield _csv([[row[name] for name in COLUMNS] for row in document["rows"]])
            after = {**params, "after": document["last"]}
            document = json.loads(await reads.body(SQL.export_suppressions, after) or b"{}")

    headers = {"content-disposition": 'attachment; filename="suppressions.csv"'}
    return StreamingResponse(pages(), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as CSV; what a spreadsheet would take for a formula is made a text."""
    out = io.StringIO()
    cells = ([f"'{cell}" if str(cell or "")[:1] in tuple("=+-@\t") else cell for cell in row] for row in rows)
    csv.writer(out).writerows(cells)
    return out.getvalue()
