"""`/v1/imports`: lists that are too long for a request."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.caller import CompanyFilter, Reads
from api.access.vault import Vault
from api.db.lists import ListKind
from api.db.queries import beside
from api.errors import NotFound, UnsupportedMediaType
from api.http.exporting import export, exported
from api.http.idempotency import Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded, Streaming
from api.http.schemas import Charset, Text
from api.imports import schemas
from api.imports.receiving import receive
from api.imports.sealing import open_results
from api.tables.table import WORKBOOK

SQL = beside(__file__)
MEDIA_TYPES = ("text/csv", "application/x-ndjson", WORKBOOK)
router = APIRouter(prefix="/v1/imports", route_class=Guarded, tags=["imports"])
sending = APIRouter(prefix="/v1/imports", route_class=Streaming, tags=["imports"])
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 512 MiB and 1,000,000 rows, read as they are for `POST /v1/campaigns/{id}/leads` and "
        "`POST /v1/suppressions`.",
        "content": {
            "text/csv": {
                "schema": {"type": "string", "format": "csv"},
                "example": "email,first_name\nmaria@example.com,Maria\n",
            },
            WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {
                "schema": {"type": "string", "format": "ndjson"},
                "example": '{"email": "maria@example.com"}\n',
            },
        },
    }
}


@sending.post(
    "",
    status_code=202,
    response_model=schemas.Import,
    responses=problems(409, 413, 415),
    openapi_extra=REQUEST_BODY,
)
async def create_import(
    request: Request,
    write: Writes,
    *,
    kind: Annotated[schemas.Kind, Query(description="People for a campaign, or do-not-contact entries.")],
    campaign_id: Annotated[UUID | None, Query(description="That people are added to.")] = None,
    company_id: CompanyFilter = None,
    name: Annotated[Text | None, Query(min_length=1, max_length=200, description="What to call it.")] = None,
    source: Annotated[
        Text | None,
        Query(
            min_length=1, max_length=200, description="Where people are known from, where a row does not say; `name`."
        ),
    ] = None,
    charset: Charset = None,
    said: Annotated[
        Text | None, Query(alias="map", max_length=20_000, description="Which columns are what, as JSON.")
    ] = None,
) -> Response:
    """Send a list that is too long for a request. It is read afterwards, a company's lists one after the other."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send one of {', '.join(MEDIA_TYPES)}.")
    name = (name or "").strip() or f"Import of {datetime.now(UTC):%Y-%m-%d %H:%M}"
    wanted = {
        "kind": kind, "company_id": company_id, "campaign_id": campaign_id, "name": name,
        "source": (source or "").strip() or name, "media_type": media_type, "charset": charset, "column_map": said,
    }  # fmt: skip
    return await receive(request, write, request.app.state.list_kinds[kind], wanted)


@router.get("", response_model=schemas.ImportList, responses=problems())
async def list_imports(
    reads: Reads,
    page: PageDep,
    company_id: CompanyFilter = None,
    kind: Annotated[schemas.Kind | None, Query()] = None,
    state: Annotated[schemas.State | None, Query()] = None,
) -> Response:
    """List imports, newest first."""
    filters = {"company_id": company_id, "kind": kind, "state": state}
    return json_response(await reads.body(SQL.list_imports, {**filters, **page.by_id()}))


@router.get("/{import_id}", response_model=schemas.Import, responses=problems(404))
async def get_import(import_id: UUID, reads: Reads) -> Response:
    """Return how far an import has come."""
    return json_response(or_404(await reads.body(SQL.get_import, {"id": import_id})))


@router.get(
    "/{import_id}/results",
    response_class=Response,
    responses={**exported("Each row that has been read, in order, as CSV."), **problems(404)},
)
async def get_import_results(import_id: UUID, request: Request, reads: Reads) -> Response:
    """Return what became of each row that has been read so far. Kept for 30 days after the end of an import."""
    about = json.loads(or_404(await reads.body(SQL.results_of_import, {"id": import_id})))
    if about["has_expired"]:
        raise NotFound("The results of an import are kept for 30 days.", code="results_expired")
    kind: ListKind = request.app.state.list_kinds[about["kind"]]
    vault: Vault = request.app.state.vault
    columns = ("index", "line", *kind.columns)

    def lines(row: dict[str, Any]) -> Iterator[list[Any]]:
        sealed = base64.b64decode(row["body"])
        for result in open_results(vault, UUID(about["org_id"]), UUID(row["id"]), sealed):
            yield [result[name] for name in columns]

    return await export(reads, SQL.page_of_results, {"id": import_id}, columns=columns, lines=lines, name="results")


@router.post("/{import_id}/cancel", response_model=schemas.Import, responses=problems(404))
async def cancel_import(import_id: UUID, tx: Writing) -> Response:
    """Read no more of a list. What has been added stays; one that has ended stays as it is."""
    stands = or_404(await tx.one(SQL.lock_import, {"id": import_id}))
    if stands["state"] in ("queued", "running"):
        await tx.run(SQL.cancel_import, {"id": import_id})
        tx.wake(stands["company_id"])
    return json_response(await tx.body(SQL.get_import, {"id": import_id}))
