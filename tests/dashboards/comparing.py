"""What a view shows beside what the REST API answers the same person, for a filter that is drawn."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from api.http.figures import Figures
from tests.dashboards.filling import Filled
from tests.dashboards.reading import Rows, rows

FIGURES = tuple(Figures.model_fields)
FIRST, LAST = date(2020, 1, 1), date(2020, 12, 31)  # when clocks were changed; all other events are of late
Comparison = tuple[Any, Any]


@dataclass
class Person:
    """Who reads: one company's or the organization's, over both ways."""

    api: httpx.Client
    dashboards: httpx.Client
    companies: list[Filled]
    of_company: bool

    def stats(self, **params: Any) -> Rows:
        """Return groups of figures; of all that ever happened, in two parts, unless a range is given."""
        if "from" not in params:
            return [row for range in ((FIRST, LAST), late(90)) for row in self.stats(**params, **between(*range))]
        path = "/v1/stats" if self.of_company else "/partner/v1/stats"
        answer = self.api.get(path, params=params).raise_for_status().json()
        totals = {name: sum(row[name] for row in answer["data"]) for name in FIGURES}
        assert answer["totals"] == totals
        return answer["data"]

    def listed(self, path: str, **params: Any) -> Rows:
        """Return a whole list of the API."""
        given, found = {"limit": 50, **params}, Rows()
        while True:
            page = self.api.get(path, params=given).raise_for_status().json()
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            given["cursor"] = page["next_cursor"]


def between(first: date, last: date) -> dict[str, str]:
    """Return how the API is given a range of days."""
    return {"from": str(first), "to": str(last)}


def late(days: int) -> tuple[date, date]:
    """Return the last so many days. What happened of late is days away from both ends."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=days - 1), today


def figures(row: dict[str, Any]) -> tuple[int, ...]:
    """Return a row's figures, in their order."""
    return tuple(row[name] or 0 for name in FIGURES)


def summed(found: Iterable[dict[str, Any]], *keys: str) -> dict[Any, tuple[int, ...]]:
    """Return the sums of figures by some columns."""
    sums: defaultdict[Any, list[int]] = defaultdict(lambda: [0] * len(FIGURES))
    for row in found:
        sums[tuple(row[key] for key in keys)] = [
            a + b for a, b in zip(sums[tuple(row[key] for key in keys)], figures(row), strict=True)
        ]
    return {key: tuple(values) for key, values in sums.items()}


def days(person: Person, dice: random.Random) -> Comparison:
    """A range of days, of all campaigns or of one, by day or by campaign."""
    of = dice.choice(person.companies)
    first = FIRST + timedelta(days=dice.randrange(360))
    last = first + timedelta(days=dice.choice([0, 1, 6, 40, 360]))
    view = {"company_id": f"eq.{of.company.id}", "and": f"(day.gte.{first},day.lte.{last})"}
    rest = {"company_id": of.company.id, **between(first, last)}
    if dice.random() < 0.5:
        campaign = dice.choice(of.rows["campaigns"])
        view["campaign_id"], rest["campaign_id"] = f"eq.{campaign}", str(campaign)
    key, group = dice.choice([("day", "day"), ("campaign_id", "campaign")])
    shown = rows(person.dashboards, "daily_activity", **view, order=dice.choice(["day", "sent.desc", "campaign_id"]))
    return summed(shown, key), summed(person.stats(**rest, group_by=group), key)


def steps(person: Person, dice: random.Random) -> Comparison:
    """Steps of all campaigns or of some."""
    of = dice.choice(person.companies)
    chosen = dice.sample(of.rows["campaigns"], dice.randrange(1, 4))
    one_of = f"in.({','.join(map(str, chosen))})"
    shown = rows(person.dashboards, "step_performance", campaign_id=one_of)
    groups = [row for each in chosen for row in person.stats(group_by="step", campaign_id=str(each))]
    assert all(any(figures(row)) for row in shown)
    return summed(shown, "campaign_id", "step"), summed(groups, "campaign_id", "step")


def campaigns(person: Person, dice: random.Random) -> Comparison:
    """Campaigns of a status, with what the list adds to each, and what the address of each says."""
    status = dice.choice([None, "active", "paused", "completed", "draft"])
    filters = {"status": f"eq.{status}"} if status else {}
    shown = rows(person.dashboards, "campaign_overview", **filters)
    listed = person.listed("/v1/campaigns", expand="stats", **({"status": status} if status else {}))
    names = ("name", "capability", "status", "company_id")
    both = (
        {row["campaign_id"]: (*(row[name] for name in names), row["timezone"], *figures(row)) for row in shown},
        {
            row["id"]: (*(row[name] for name in names), row["schedule"]["timezone"], *figures(row["stats"]))
            for row in listed
        },
    )
    if shown:
        row = dice.choice(shown)
        own = person.api.get(f"/v1/campaigns/{row['campaign_id']}/stats").raise_for_status().json()
        assert (row["people"], row["handed_over"]) == (own["leads"]["total"], own["leads"]["pushed"])
        assert {name: row[name] for name in own["messages"]} == own["messages"]
        assert (row["unsubscribed"], row["interested"]) == (own["unsubscribed"], own["interested"])
        assert row["connection_requests_accepted"] == own["connection_requests"]["accepted"]
    return both


def funnel(person: Person, dice: random.Random) -> Comparison:
    """How far the people of a campaign have come."""
    campaign = dice.choice(dice.choice(person.companies).rows["campaigns"])
    (row,) = rows(person.dashboards, "lead_funnel", campaign_id=f"eq.{campaign}")
    leads = person.api.get(f"/v1/campaigns/{campaign}/stats").raise_for_status().json()["leads"]
    enrolled = person.listed(f"/v1/campaigns/{campaign}/leads")
    by_status = Counter(each["status"] for each in enrolled)
    ends = ("replied", "bounced", "unsubscribed", "completed")
    return (
        [row[name] for name in ("people", "waiting", "uncertain", "failed", "do_not_contact", "handed_over", *ends)],
        [
            leads["total"], leads["pending"] + leads["sending"], leads["uncertain"], leads["failed"],
            leads["suppressed"], leads["pushed"], *(by_status[end] for end in ends),
        ],
    )  # fmt: skip


def senders(person: Person, dice: random.Random) -> Comparison:
    """Senders of a status, with what they sent of late."""
    of, status = dice.choice(person.companies), dice.choice(["active", "disconnected"])
    groups = person.stats(group_by="sender", company_id=of.company.id, **between(*late(30)))
    sent = {row["sender_id"]: row for row in groups}
    listed = person.listed("/v1/senders", company_id=of.company.id, status=status)
    shown = rows(person.dashboards, "sender_health", company_id=f"eq.{of.company.id}", status=f"eq.{status}")
    names = ("capability", "address", "display_name", "status", "warmup_status", "daily_limit")
    health = ("problem", "warmup_score", "sent_today")
    counted = ("sent", "replied", "bounced", "connection_requests_sent", "connection_requests_accepted")
    return (
        {
            row["sender_id"]: [row[name] for name in (*names, *health)]
            + [row[f"{name}_in_30_days"] or 0 for name in counted]
            for row in shown
        },
        {
            row["id"]: [row[name] for name in names] + [row["health"][name] for name in health]
            + [sent.get(row["id"], {}).get(name, 0) for name in counted]
            for row in listed
        },
    )  # fmt: skip


def replies(person: Person, dice: random.Random) -> Comparison:
    """What people answered: of a company, a campaign, or what is not read yet."""
    of = dice.choice(person.companies)
    view, rest = {"company_id": f"eq.{of.company.id}"}, {"company_id": of.company.id}
    if dice.random() < 0.5:
        campaign = dice.choice(of.rows["campaigns"])
        view["campaign_id"], rest["campaign_id"] = f"eq.{campaign}", str(campaign)
    if dice.random() < 0.5:
        read = dice.choice(["true", "false"])
        view["read"], rest["read"] = f"is.{read}", read
    shown = rows(person.dashboards, "reply_feed", **view, order="received_at.desc")
    names = ("conversation_id", "subject", "text")
    listed = {
        message["id"]: [*(message[name] for name in names), each["campaign_id"], each["lead_id"], each["read"]]
        for each in person.listed("/v1/conversations", **rest)
        for message in person.listed(f"/v1/conversations/{each['id']}/messages")
        if message["direction"] == "incoming"
    }
    return {
        row["message_id"]: [row[name] for name in (*names, "campaign_id", "lead_id", "read")] for row in shown
    }, listed


def capabilities(person: Person, dice: random.Random) -> Comparison:
    """What a company may use, and what is at work in it."""
    of = dice.choice(person.companies)
    (row,) = rows(person.dashboards, "entitlement_status", company_id=f"eq.{of.company.id}")
    (listed,) = person.listed("/v1/capabilities", company_id=of.company.id)
    active = [
        len(person.listed(path, company_id=of.company.id, status="active")) for path in ("/v1/campaigns", "/v1/senders")
    ]
    names = ("capability", "title", "status")
    return [row[name] for name in (*names, "active_campaigns", "active_senders")], [
        *(listed[name] for name in names),
        *active,
    ]


def suppressions(person: Person, dice: random.Random) -> Comparison:
    """How many entries do-not-contact lists have, by kind and source."""
    if person.of_company or dice.random() < 0.7:
        of = dice.choice(person.companies).company.id
        shown, listed = (
            rows(person.dashboards, "suppression_summary", company_id=f"eq.{of}"),
            person.listed("/v1/suppressions", company_id=of),
        )
    else:
        shown, listed = (
            rows(person.dashboards, "suppression_summary", company_id="is.null"),
            person.listed("/partner/v1/suppressions"),
        )
    counted = Counter((row["kind"], row["source"]) for row in listed)
    return {(row["kind"], row["source"]): row["entries"] for row in shown}, dict(counted)


def companies(person: Person, dice: random.Random) -> Comparison:
    """All companies, or those with more than so many messages."""
    least = dice.randrange(150)
    shown = rows(person.dashboards, "company_rollup", sent=f"gte.{least}", order="name.desc")
    groups = summed(person.stats(group_by="company"), "company_id", "name")
    enough = {key: values for key, values in groups.items() if values[0] >= least}
    return summed(shown, "company_id", "name"), enough


def months(person: Person, dice: random.Random) -> Comparison:
    """What a company has used in a month that begins where it is."""
    of, month = dice.choice(person.companies), dice.randrange(1, 12)
    first, last = date(2020, month, 1), date(2020, month + 1, 1) - timedelta(days=1)
    shown = rows(person.dashboards, "usage", company_id=f"eq.{of.company.id}", month=f"eq.{first}")
    groups = person.stats(group_by="sender", company_id=of.company.id, **between(first, last))
    used = [row for row in groups if row["sent"] or row["connection_requests_sent"]]
    row = shown[0] if shown else dict.fromkeys(("messages", "connection_requests", "active_senders"), 0)
    return [row[name] for name in ("messages", "connection_requests", "active_senders")], [
        sum(each["sent"] for each in used), sum(each["connection_requests_sent"] for each in used),
        len({each["sender_id"] for each in used} - {None}),
    ]  # fmt: skip


COMPARED: dict[str, Callable[[Person, random.Random], Comparison]] = {
    "daily_activity": days, "step_performance": steps, "campaign_overview": campaigns, "lead_funnel": funnel,
    "sender_health": senders, "reply_feed": replies, "entitlement_status": capabilities,
    "suppression_summary": suppressions, "usage": months, "company_rollup": companies,
}  # fmt: skip
