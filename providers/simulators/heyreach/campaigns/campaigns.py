"""Campaigns as they are read, and the verbs that move them; those take their campaign from the query."""

import json

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.leads import enrolling
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.validation import Required, array, choice, page, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

STATUSES = ("DRAFT", "SCHEDULED", "STARTING", "IN_PROGRESS", "PAUSED", "FINISHED", "CANCELED", "FAILED")
_CAMPAIGN_ID = {"campaignId": Required(whole())}


def account_ids(call: Call, campaign_id: int) -> list[int]:
    """Return the senders of a campaign."""
    rows = call.store.all(
        "select account_id from campaign_accounts where campaign_id = ? order by account_id", campaign_id
    )
    return [row["account_id"] for row in rows]


def _progress(call: Call, campaign_id: int) -> Object:
    seen = times.later(call.now, -float(call.options["lag_s"]))
    rows = call.store.all(
        "select status, stopped, count(*) as n from campaign_leads"
        " where campaign_id = ? and created_at <= ? group by status, stopped",
        campaign_id,
        seen,
    )
    stopped = sum(row["n"] for row in rows if row["stopped"])
    counts = {row["status"]: row["n"] for row in rows if not row["stopped"]}
    total = stopped + sum(counts.values()) + int(call.options["extra_progress"])
    settled = {name: counts.get(name, 0) for name in ("Pending", "Finished", "Failed", "Excluded")}
    # The provider does not count these: it keeps what is left over.
    going = total - sum(settled.values()) - stopped
    if "negative_progress" in call.struck:
        going = -5 - total % 3
    return {
        "totalUsers": total,
        "totalUsersInProgress": going,
        "totalUsersPending": settled["Pending"],
        "totalUsersFinished": settled["Finished"],
        "totalUsersFailed": settled["Failed"],
        "totalUsersManuallyStopped": stopped,
        "totalUsersExcluded": settled["Excluded"],
    }


def _shown(call: Call, campaign: Row) -> Object:
    exclusions = json.loads(campaign["exclusions"])
    return {
        "id": campaign["id"],
        "name": campaign["name"],
        "creationTime": times.shown(campaign["created_at"]),
        "startedAt": times.shown(campaign["started_at"]),
        "linkedInUserListName": call.list_(campaign["list_id"])["name"],
        "linkedInUserListId": campaign["list_id"],
        "campaignAccountIds": account_ids(call, campaign["id"]),
        "status": campaign["status"],
        "progressStats": _progress(call, campaign["id"]),
        "excludeInOtherCampaigns": exclusions["excludeContactedFromOtherCampaigns"],
        "excludeHasOtherAccConversations": exclusions["excludeHasOtherAccConversations"],
        "excludeContactedFromSenderInOtherCampaign": exclusions["excludeContactedFromSenderInOtherCampaign"],
        "excludeListId": exclusions["excludeListId"],
        "organizationUnitId": call.workspace.id,
    }


@routes.on(
    "POST",
    "/campaign/GetAll",
    body={
        **page(),
        "keyword": text(),
        "statuses": array(choice("Campaigns.PublicCampaignStatus", *STATUSES)),
        "accountIds": array(whole("System.Int32")),
    },
    quirks=("negative_progress",),
)
def list_all(call: Call) -> Response:
    """List the workspace's campaigns, newest first."""
    filters: Object = {name: call.body[name] or [] for name in ("statuses", "accountIds")}
    rows = call.store.all(
        "select * from campaigns c where workspace_id = ?1 and instr(lower(name), lower(?2)) > 0"
        " and (?3 = '[]' or status in (select value from json_each(?3)))"
        " and (?4 = '[]' or exists (select 1 from campaign_accounts a where a.campaign_id = c.id"
        " and a.account_id in (select value from json_each(?4)))) order by id desc",
        call.workspace.id,
        call.body["keyword"] or "",
        json.dumps(filters["statuses"]),
        json.dumps(filters["accountIds"]),
    )
    first, size = call.body["offset"], call.body["limit"]
    return answer({"totalCount": len(rows), "items": [_shown(call, row) for row in rows[first : first + size]]})


@routes.on("GET", "/campaign/GetById", query=_CAMPAIGN_ID, quirks=("hidden_draft", "negative_progress"))
def read(call: Call) -> Response:
    """Read one campaign."""
    campaign = call.campaign(call.query["campaignId"])
    if "hidden_draft" in call.struck and campaign["status"] == "DRAFT":
        raise refusal("There is no campaign with provided id.", 404)
    return answer(_shown(call, campaign))


@routes.on("POST", "/campaign/StartCampaign", query=_CAMPAIGN_ID)
def start(call: Call) -> Response:
    """Start a draft, now or on its day: its list's leads are enrolled, and after a moment it is in progress."""
    campaign = call.campaign(call.query["campaignId"])
    if campaign["status"] not in ("DRAFT", "SCHEDULED"):
        raise refusal("The campaign you are trying to start is not a draft.")
    if campaign["sequence"] is None:
        raise refusal("The campaign you are trying to start has no sequence.")
    opening = json.loads(campaign["schedule"]).get("startDate")
    begins = times.parse(opening) if opening else None
    if begins and begins > call.now and campaign["status"] == "DRAFT":
        call.store.run("update campaigns set status = 'SCHEDULED', settles_at = ? where id = ?", begins, campaign["id"])
        return empty()
    call.store.run(
        "update campaigns set status = 'STARTING', started_at = coalesce(started_at, ?), settles_at = ? where id = ?",
        call.now,
        times.later(call.now, float(call.options["starting_s"])),
        campaign["id"],
    )
    enrolling.draw_list(call.store, campaign, call.now, answered=call.answered)
    return empty()


@routes.on("POST", "/campaign/Pause", query=_CAMPAIGN_ID)
def pause(call: Call) -> Response:
    """Pause a campaign in progress."""
    campaign = call.campaign(call.query["campaignId"])
    if campaign["status"] not in ("IN_PROGRESS", "STARTING"):
        raise refusal("The campaign you are trying to pause is not in progress.")
    call.store.run("update campaigns set status = 'PAUSED', settles_at = null where id = ?", campaign["id"])
    return empty()


@routes.on("POST", "/campaign/Resume", query=_CAMPAIGN_ID)
def resume(call: Call) -> Response:
    """Resume a campaign; one without leads falls back to PAUSED by itself."""
    campaign = call.campaign(call.query["campaignId"])
    allowed = ("PAUSED",) if call.options["resume_only_paused"] else ("PAUSED", "FINISHED", "FAILED")
    if campaign["status"] not in allowed:
        raise refusal("The campaign you are trying to resume is not paused, finished or failed.")
    enrolling.draw_list(call.store, campaign, call.now, answered=call.answered)
    leads = call.store.value("select count(*) from campaign_leads where campaign_id = ?", campaign["id"])
    settles = None if leads else times.later(call.now, 1.0)
    call.store.run(
        "update campaigns set status = 'IN_PROGRESS', settles_at = ?, started_at = coalesce(started_at, ?)"
        " where id = ?",
        settles,
        call.now,
        campaign["id"],
    )
    return empty()
