"""A person in a campaign, with everything that what happens to the person needs."""

import json
import re
from dataclasses import dataclass
from typing import Any

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.state import options
from providers.simulators.kit.store import Object, Row, Store

_VARIABLE = re.compile(r"\{\{?\s*(\w+)\s*\}?\}")


@dataclass(frozen=True)
class Enrolment:
    """A sender and a person, as a rule in a campaign; `link` is the row that joins them there."""

    store: Store
    workspace_id: int
    seat: Row
    person: Row
    campaign: Row | None = None
    link: Row | None = None

    @property
    def now(self) -> str:
        """Return the present moment."""
        return times.stamp(self.store.clock.now())

    def option(self, name: str) -> Any:
        """Return a setting."""
        return options(self.store)[name]

    def fresh(self) -> "Enrolment":
        """Return the enrolment as it stands now."""
        link = self.link
        return (enrolment(self.store, link["id"]) if link is not None else None) or self

    def touch(self, **columns: Any) -> None:
        """Change the person's standing in the campaign, if there is one."""
        if self.link is None:
            return
        changes = {"last_action_at": self.now, **columns}
        assignments = ", ".join(f"{name} = ?" for name in changes)
        self.store.run(
            f"update campaign_leads set {assignments} where id = ?",  # noqa: S608 - names are our own
            *changes.values(),
            self.link["id"],
        )


def enrolment(store: Store, link_id: int) -> Enrolment | None:
    """Return the person of this campaign-lead row as it stands, if there is one."""
    link = store.one("select * from campaign_leads where id = ?", link_id)
    if link is None:
        return None
    campaign = store.one("select * from campaigns where id = ?", link["campaign_id"])
    seat = store.one("select * from li_accounts where id = ?", link["account_id"])
    person = store.one("select * from profiles where id = ?", link["profile_id"])
    if campaign is None or seat is None or person is None:
        return None
    return Enrolment(store, campaign["workspace_id"], seat, person, campaign, link)


def lists(store: Store, profile_id: int) -> list[Object]:
    """Return the lists a person is on, each with the person's custom fields there."""
    rows = store.all(
        "select s.id, s.name, l.custom_fields from list_leads l join lists s on s.id = l.list_id"
        " where l.profile_id = ? order by s.id",
        profile_id,
    )
    return [
        {
            "name": row["name"],
            "id": row["id"],
            "custom_fields": {pair["name"]: pair["value"] for pair in json.loads(row["custom_fields"])},
        }
        for row in rows
    ]


def personal(who: Enrolment, templates: list[str], fallback: str) -> str:
    """Return one of the texts filled for the person, or the fallback when a variable is unknown or empty."""
    if not any(templates):
        return ""
    chosen = templates[int(who.person["id"]) % len(templates)]
    known = _variables(who)
    if all(known.get(name) for name in _VARIABLE.findall(chosen)):
        return _VARIABLE.sub(lambda variable: str(known[variable[1]]), chosen)
    return _VARIABLE.sub(lambda variable: str(known.get(variable[1]) or ""), fallback)


def _variables(who: Enrolment) -> Object:
    person, seat = who.person, who.seat
    custom = {pair["name"]: pair["value"] for pair in profiles.custom_fields(who.store, person["id"])}
    names = {
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "company": person["company_name"],
        "position": person["position"],
        "location": person["location"],
        "my_first_name": seat["first_name"],
        "my_last_name": seat["last_name"],
    }
    camel = {re.sub(r"_(\w)", lambda part: part[1].upper(), name): value for name, value in names.items()}
    return {**custom, **camel, **{name.upper(): value for name, value in names.items()}}
