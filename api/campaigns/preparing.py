"""`/v1/campaigns/{id}`: before it starts, what people would get, and what stands against it."""

import json
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.access.unsubscribing import UnsubscribeLinks
from api.campaigns import preflight, schemas, sequence_schemas
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import Unprocessable, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from providers.identity import address_of
from providers.models import Step
from providers.templates import contexts_of, rendered, step_of, uses, values_of

SQL = beside(__file__)
OWN = beside(__file__, "preparing.sql")
LONGEST_PREVIEW = 2_000_000  # characters of what one person would get
router = APIRouter(prefix="/v1/campaigns", route_class=Guarded, tags=["campaigns"])


@router.post("/{campaign_id}/preflight", response_model=schemas.Preflight, responses=problems(404))
async def preflight_campaign(campaign_id: UUID, tx: Writing) -> Response:
    """Say what stands against starting: errors, with which it is refused, and warnings, with which it is not."""
    found, steps, wrong = await judged(tx, campaign_id)
    names = preflight.without_fallback(steps)
    values = await tx.many(OWN.missing_values, {**found, "names": names}) if names else []
    wary = list(preflight.warnings(found, steps, values))
    body = {"ready": not wrong, "errors": preflight.shown(wrong), "warnings": preflight.shown(wary)}
    return json_response(json.dumps(body, ensure_ascii=False).encode())


async def judged(tx: Tx, campaign_id: UUID) -> tuple[Row, list[Step], list[preflight.Finding]]:
    """Return a campaign, its steps as they are sent, and what must be mended before it starts."""
    campaign = or_404(await tx.one(OWN.campaign, {"id": campaign_id}))
    steps = await steps_of(tx, campaign)
    ready = or_404(await tx.one(SQL.readiness, campaign))
    return campaign, steps, [*preflight.missing(campaign, ready), *preflight.errors(campaign, steps)]


async def steps_of(tx: Tx, campaign: Row) -> list[Step]:
    """Return a campaign's steps as they are sent."""
    return [step_of(row["step"]) for row in await tx.many(SQL.steps, campaign)]


@router.post("/{campaign_id}/sequence/preview", response_model=sequence_schemas.Previews, responses=problems(404))
async def preview_sequence(
    campaign_id: UUID, body: sequence_schemas.PreviewWanted, request: Request, tx: Writing
) -> Response:
    """Show what given people would get, exactly as it is handed over; without `lead_ids`, the first of the campaign."""
    campaign = or_404(await tx.one(OWN.campaign, {"id": campaign_id}))
    steps = await steps_of(tx, campaign)
    wanted = None if body.lead_ids is None else sorted(set(body.lead_ids))
    people = await tx.many(OWN.people_to_show, {**campaign, "lead_ids": wanted})
    if wanted is not None and len(people) < len(wanted):
        raise unknown_reference("lead_ids")
    links: UnsubscribeLinks = request.app.state.unsubscribe_links
    # Who is not in the campaign has a link of the same form, which names nothing.
    link = {lead["id"]: links.link(tx.auth.org_id, lead["enrolment_id"] or campaign["id"]) for lead in people}
    document = {
        "data": [{"lead_id": str(lead["id"]), "steps": _texts(steps, lead, link[lead["id"]])} for lead in people]
    }
    return json_response(json.dumps(document, ensure_ascii=False).encode())


def _texts(steps: list[Step], lead: Row, link: str) -> list[dict[str, Any]]:
    """Return each step as one person gets it, and which of its variables have neither a value nor a fallback."""
    email = address_of(lead["email_key"]) if lead["email_key"] else None
    person = values_of({**lead, "email": email}, link)
    found: list[dict[str, Any]] = []
    size = 0
    for step in steps:
        line, body = contexts_of(step.type)
        empty = {variable.name for variable, _ in uses([step]).values() if variable.fallback is None} - person.keys()
        found.append(
            {
                "position": step.position,
                "type": step.type,
                "subject": rendered(step.subject, person, line),
                "body": rendered(step.body, person, body),
                "missing": sorted(empty),
            }
        )
        size += len(found[-1]["body"])
        if size > LONGEST_PREVIEW:
            raise Unprocessable("So much text cannot be shown at once.", code="too_large_to_show")
    return found
