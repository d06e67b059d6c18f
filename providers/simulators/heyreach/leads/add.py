"""Adding leads to a campaign: three totals and no word about any one lead, and a ledger line for each."""

from dataclasses import dataclass, field

from starlette.responses import Response

from providers.simulators.heyreach.leads import enrolling, lists, profiles
from providers.simulators.heyreach.leads.enrolling import Target
from providers.simulators.heyreach.requests import Call, Routes, answer, refusal
from providers.simulators.heyreach.validation import Fields, Required, array, flag, model, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

MOST_PAIRS = 100
_PAIR: Fields = {"linkedInAccountId": whole("System.Int32"), "lead": Required(model(profiles.LEAD, "Leads.PublicLead"))}
BODY: Fields = {
    "campaignId": Required(whole()),
    "accountLeadPairs": Required(array(model(_PAIR, "Campaigns.AccountLeadPair"), most=MOST_PAIRS)),
    "resumeFinishedCampaign": flag,
    "resumePausedCampaign": flag,
}
QUIRKS = ("nothing_added", "partial_failure")


@dataclass
class Totals:
    """What an ask has come to so far."""

    added: int = 0
    updated: int = 0
    failed: int = 0
    effects: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def shown(self) -> Object:
        """Return the totals as the second version answers them."""
        return {
            "addedLeadsCount": self.added,
            "updatedLeadsCount": self.updated,
            "failedLeadsCount": self.failed,
        }


@routes.on("POST", "/campaign/AddLeadsToCampaignV2", body=BODY, quirks=QUIRKS)
def add(call: Call) -> Response:
    """Add leads and return the three totals."""
    return answer(added(call).shown())


def added(call: Call) -> Totals:
    """Add the leads of a body and return what became of them."""
    campaign = call.campaign(call.body["campaignId"])
    if campaign["status"] in ("DRAFT", "CANCELED"):
        raise refusal("Campaign must be ACTIVE to add leads")
    to = enrolling.target(call.store, campaign, call.now)
    if not to.senders:
        raise refusal("The campaign has no LinkedIn accounts.")
    totals = Totals()
    for pair in call.body["accountLeadPairs"]:
        _add_one(call, to, pair, totals)
    enrolling.note(call.store, to.id, totals.effects, answered=call.answered)
    if totals.added:
        _go_on(call, campaign)
    return totals


def _add_one(call: Call, to: Target, pair: Object, totals: Totals) -> None:
    lead, sender = pair["lead"], pair["linkedInAccountId"] or None
    url = profiles.normalised(lead["profileUrl"])
    if "nothing_added" in call.struck:
        totals.effects.append((url or str(lead["profileUrl"]), "none"))
        return
    foreign = sender is not None and sender not in to.senders
    unlucky = "partial_failure" in call.struck and url is not None and profiles.draw(url, "failure") < 0.5
    if url is None or foreign or unlucky or not profiles.well_named(lead):
        totals.failed += 1
        totals.effects.append((url or str(lead["profileUrl"]), "refused"))
        return
    profile_id = profiles.save(call.store, call.workspace.id, url, lead, call.now)
    lists.put_on(call, to.campaign["list_id"], profile_id, lead)
    effect = enrolling.enrol(to, profile_id, sender)
    totals.updated += effect == "already"
    totals.added += effect != "already"
    totals.effects.append((url, effect))


def _go_on(call: Call, campaign: Row) -> None:
    status, wishes = campaign["status"], call.body
    needs_flag = bool(call.options["finished_needs_flag"])
    revived = status == "FINISHED" and (wishes["resumeFinishedCampaign"] or not needs_flag)
    if revived or (status == "PAUSED" and wishes["resumePausedCampaign"]):
        call.store.run("update campaigns set status = 'IN_PROGRESS', settles_at = null where id = ?", campaign["id"])
