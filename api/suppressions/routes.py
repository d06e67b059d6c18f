"""`/v1/suppressions`, whom a company does not contact, and `/partner/v1/suppressions`, whom none of a partner's do."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.caller import CompanyFilter, Reader, Reads
from api.db.pool import Tx
from api.db.queries import beside
from api.errors import Forbidden
from api.http.exporting import export, exported
from api.http.idempotency import Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Charset, Text
from api.suppressions import schemas
from api.suppressions.entries import EntryError, kind_of, read_entry
from api.suppressions.receiving import create
from api.tables.table import WORKBOOK
from providers.identity import untagged

SQL = beside(__file__)
router = APIRouter(prefix="/v1/suppressions", route_class=Guarded, tags=["suppressions"])
partner_router = APIRouter(prefix="/partner/v1/suppressions", route_class=Guarded, tags=["suppressions"])
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
                    "example": {"email": "maria@example.com"},
                    "schema": {
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{one}"},
                            {"$ref": "#/components/schemas/SuppressionsAdd"},
                        ]
                    },
                },
                "text/csv": {"schema": {"type": "string", "format": "csv"}, "example": "email\nmaria@example.com\n"},
                WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
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
async def create_suppression(
    request: Request, write: Writes, company_id: CompanyFilter = None, charset: Charset = None
) -> Response:
    """Never contact somebody again: an address, a domain, a profile, or a list of them.

    Whoever waits in a campaign is taken out, and whoever is in one is stopped, soon after the answer; nobody is handed
    over from the answer on.
    """
    return await create(request, write, schemas.OwnSuppressionCreate, company_id, charset)


@partner_router.post(
    "",
    status_code=201,
    response_model=schemas.Suppression,
    responses=ANSWERS,
    openapi_extra=_request_body("SuppressionCreate"),
)
async def create_organization_suppression(request: Request, write: Writes, charset: Charset = None) -> Response:
    """Have none of the organization's companies contact somebody."""
    return await create(request, write, schemas.SuppressionCreate, None, charset)


@router.get("", response_model=schemas.SuppressionList, responses=problems())
async def list_suppressions(
    reads: Reads, page: PageDep, company_id: CompanyFilter = None, value: Listed = None
) -> Response:
    """List a company's suppressions, newest first."""
    filters = {"company_id": company_id, "of_organization": False, **_keys(value)}
    return json_response(await reads.body(SQL.list_suppressions, {**filters, **page.by_id()}))


@partner_router.get("", response_model=schemas.SuppressionList, responses=problems())
async def list_organization_suppressions(reads: Reads, page: PageDep, value: Listed = None) -> Response:
    """List the organization's own suppressions, newest first."""
    filters = {"company_id": None, "of_organization": True, **_keys(value)}
    return json_response(await reads.body(SQL.list_suppressions, {**filters, **page.by_id()}))


EXPORT = exported("Every entry, oldest first, as CSV.")


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


async def _delete(tx: Tx, suppression_id: UUID, *, of_organization: bool) -> Response:
    params = {"id": suppression_id, "of_organization": of_organization}
    held = or_404(await tx.one(SQL.lock_suppression, params))
    if held["source"] in ("unsubscribed", "complained") and tx.auth.role in ("company_member", "org_member"):
        raise Forbidden(
            "This person asked not to be contacted; only an administrator may lift it.", code="unsubscribed"
        )
    or_404(await tx.one(SQL.delete_suppression, params))
    return Response(status_code=204)


def _keys(value: str | None) -> dict[str, str | None]:
    """Return the keys that a filter names: as they are and, for entries with all tags, without one."""
    if value is None:
        return {"key": None, "bare": None}
    try:
        key = read_entry(kind_of(value), value).key
    except EntryError:
        return {"key": "", "bare": ""}
    return {"key": key, "bare": untagged(key) if "@" in key else key}


async def _export(reads: Reader, params: dict[str, Any]) -> Response:
    return await export(
        reads, SQL.export_suppressions, params,
        columns=COLUMNS, lines=lambda row: [[row[name] for name in COLUMNS]], name="suppressions",
    )  # fmt: skip
