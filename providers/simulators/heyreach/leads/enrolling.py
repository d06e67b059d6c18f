"""Putting people into campaigns: which senders get them, who is left out, and the ledger's lines of it."""

import json
from dataclasses import dataclass
from typing import Any

from providers.simulators.heyreach.requests import Call
from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object, Row, Store


@dataclass(frozen=True)
class Target:
    """A campaign that takes people in, with its senders and rules."""

    store: Store
    workspace_id: int
    campaign: Row
    senders: list[int]
    exclusions: Object
    now: str

    @property
    def id(self) -> int:
        """Return the campaign's id."""
        return self.campaign["id"]


def target(store: Store, campaign: Row, now: str) -> Target:
    """Return a campaign ready to take people in."""
    rows = store.all("select account_id from campaign_accounts where campaign_id = ? order by 1", campaign["id"])
    senders = [row["account_id"] for row in rows]
    exclusions = json.loads(campaign["exclusions"])
    return Target(store, campaign["workspace_id"], campaign, senders, exclusions, now)


def enrol(to: Target, profile_id: int, account_id: int | None = None) -> str:
    """Put one person into the campaign and return what that did."""
    known = to.store.value("select 1 from campaign_leads where campaign_id = ? and profile_id = ?", to.id, profile_id)
    if known:
        return "already"
    sender = account_id or to.senders[profile_id % len(to.senders)]
    left_out = _left_out(to, profile_id, sender)
    to.store.insert(
        "campaign_leads",
        {
            "campaign_id": to.id,
            "profile_id": profile_id,
            "account_id": sender,
            "status": "Excluded" if left_out else "Pending",
            "due_at": None if left_out else to.now,
            "created_at": to.now,
        },
    )
    return "refused" if left_out else "added"


def _left_out(to: Target, profile_id: int, sender: int) -> bool:
    rules = to.exclusions
    questions: list[tuple[Any, str, tuple[Any, ...]]] = [
        (
            rules["excludeListId"],
            "select 1 from list_leads where list_id = ? and profile_id = ?",
            (rules["excludeListId"], profile_id),
        ),
        (
            rules["excludeContactedFromOtherCampaigns"],
            "select 1 from campaign_leads where profile_id = ? and campaign_id <> ?"
            " and (connection <> 'None' or message <> 'None')",
            (profile_id, to.id),
        ),
        (
            rules["excludeContactedFromSenderInOtherCampaign"],
            "select 1 from campaign_leads where profile_id = ? and campaign_id <> ? and account_id = ?"
            " and (connection <> 'None' or message <> 'None')",
            (profile_id, to.id, sender),
        ),
        (
            rules["excludeHasOtherAccConversations"],
            "select 1 from conversations where profile_id = ? and account_id <> ?",
            (profile_id, sender),
        ),
    ]
    return any(wanted and to.store.value(sql, *values) for wanted, sql, values in questions)


def draw_list(store: Store, campaign: Row, now: str, *, answered: bool = True) -> None:
    """Enrol everyone of the campaign's list who is not in the campaign yet."""
    waiting = store.all(
        "select p.id, p.url from list_leads l join profiles p on p.id = l.profile_id where l.list_id = ?"
        " and not exists (select 1 from campaign_leads c where c.campaign_id = ? and c.profile_id = p.id)"
        " order by l.id",
        campaign["list_id"],
        campaign["id"],
    )
    to = target(store, campaign, now)
    note(store, to.id, [(row["url"], enrol(to, row["id"])) for row in waiting], answered=answered)


def feed(call: Call, list_id: int, people: list[tuple[int, str]]) -> None:
    """Enrol people who were put on a list in the running campaigns that draw from it."""
    campaigns = call.store.all(
        "select * from campaigns where list_id = ? and status in ('STARTING', 'IN_PROGRESS')", list_id
    )
    for campaign in campaigns if call.options["lists_feed_campaigns"] else []:
        to = target(call.store, campaign, call.now)
        effects = [(url, enrol(to, profile_id)) for profile_id, url in people]
        note(call.store, to.id, effects, answered=call.answered)


def note(store: Store, campaign_id: int, effects: list[tuple[str, str]], *, answered: bool) -> None:
    """Write the ledger's lines of an ask."""
    ledger.write(store, campaign_id, effects, answered=answered, at=store.clock.stamp())
