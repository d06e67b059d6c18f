"""All leads of the account, page by page behind the last one seen."""

from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.leads.read import EMAIL_STATES, STATES, shown
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import Fields, choice, number, text

routes = Routes()

# Words of our own, never taken from a request.
_LINKS = (
    "select 1 from campaign_leads x join campaigns c on c.id = x.campaign_id"
    " where x.lead_id = l.id and c.deleted_at is null"
)
_ACTIVE = f"{_LINKS} and x.status in ('STARTED', 'INPROGRESS', 'PAUSED')"
_TYPES = {
    "active": f"exists ({_ACTIVE})",
    "yet_to_use": f"not exists ({_LINKS})",
    "previously_active": f"exists ({_LINKS}) and not exists ({_ACTIVE})",
    "archived": "0",
}
_OF_LINK = {"campaignId": "x.campaign_id = ?", "status": "x.status = ?", "clientId": "c.client_id = ?"}
_OF_LEAD = {
    "listId": "exists (select 1 from lead_list_leads y where y.lead_id = l.id and y.list_id = ?)",
    "leadEmail": "l.email = ?",
    "lastSeenLeadId": "l.id > ?",
}
FILTERS: Fields = {
    "campaignId": number(),
    "status": choice(*STATES),
    "emailStatus": choice(*EMAIL_STATES),
    "leadType": choice(*_TYPES),
    "listId": number(),
    "clientId": number(),
    "leadEmail": text(),
}


@routes.on(
    "GET",
    "/leads/all",
    query={**FILTERS, "limit": number(least=1, most=1000), "lastSeenLeadId": number()},
)
def list_all(call: Call) -> Response:
    """List the account's leads in the order of their ids."""
    rows = matching(call, call.query, call.query.get("limit", 100))
    leads = [{"id": row["id"], **shown(row), "created_at": row["created_at"]} for row in rows]
    return answer({"ok": True, "data": {"leads": leads}})


def matching(call: Call, filters: Object, limit: int = -1) -> list[Row]:
    """Return the account's leads that pass the filters; without a limit all of them."""
    where, values = _conditions(filters)
    return call.store.all(
        f"select l.* from leads l where l.account_id = ?{where} order by l.id limit ?",  # noqa: S608 - built above
        call.account.id,
        *values,
        limit,
    )


def _conditions(filters: Object) -> tuple[str, list[Any]]:
    of_link = [name for name in _OF_LINK if name in filters]
    of_lead = [name for name in _OF_LEAD if name in filters]
    links = [_OF_LINK[name] for name in of_link]
    if "emailStatus" in filters:
        links.append(EMAIL_STATES[filters["emailStatus"]])
    where = [f"exists ({' and '.join([_LINKS, *links])})"] if links else []
    where += [_OF_LEAD[name] for name in of_lead]
    if "leadType" in filters:
        where.append(_TYPES[filters["leadType"]])
    given = {**filters, "leadEmail": filters.get("leadEmail", "").strip().lower()}
    return "".join(f" and {each}" for each in where), [given[name] for name in (*of_link, *of_lead)]
