"""Instantly's REST API, version 2: one method per call that the product needs.

The key travels in a header. Nothing here sends an unknown property: those are dropped there without a word, and a
filter that is dropped widens what it was to narrow. A body is sent with every request that has one in the provider's
document, and with no other: an empty body that calls itself JSON is refused.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from providers.base import Gate
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.http import Answer, ProviderHttp
from providers.instantly import mapping
from providers.instantly.senders import sender
from providers.models import LeadResult, LeadToAdd, Schedule, SenderSeen, Step
from providers.reading import as_list, as_mapping, as_rows

API = "/api/v2"
PAGE = 100
# No plan, or a key without the scope: said of one call, but true of all that the product needs.
ACCOUNT_REFUSALS = frozenset({402, 403})


class InstantlyClient:
    """One Instantly workspace."""

    def __init__(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> None:
        self._http = ProviderHttp(
            base_url=base_url,
            timeout=timeout,
            gate=gate,
            headers={"Authorization": f"Bearer {_sendable(api_key)}"},
            account_refusals=ACCOUNT_REFUSALS,
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def verify(self) -> None:
        """Ask for one campaign."""
        _page(await self._http.get(f"{API}/campaigns", params={"limit": 1}))

    async def list_senders(self) -> list[SenderSeen]:
        """Read every mailbox."""
        return [sender(row) async for row in self._rows("/accounts") if isinstance(row.get("email"), str)]

    async def find_campaign(self, marker: str) -> str | None:
        """Look through all campaigns. A copy made by hand carries the marker too, but not at the end of its name."""
        found = [row async for row in self._rows("/campaigns") if mapping.has_marker(row, marker)]
        found.sort(key=lambda row: not str(row["name"]).rstrip().endswith(f"[{marker}]"))
        return str(found[0]["id"]) if found else None

    async def create_campaign(self, name: str, marker: str, senders: Sequence[str]) -> str:  # noqa: ARG002
        """Create a draft under a name that carries our marker."""
        answer = await self._http.send("POST", f"{API}/campaigns", body=mapping.new_campaign(name, marker))
        created = mapping.row_id(as_mapping(answer.body))
        if created is None:
            raise Uncertain("POST campaigns: no id in the answer", status=answer.status)
        return created

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Rename."""
        await self._patch(campaign, {"name": mapping.campaign_name(name, marker)})

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the sequence: steps have no ids there, statistics go by their place."""
        await self._patch(campaign, {"sequences": mapping.sequence(steps)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days, hours and pace. Refused where the provider has no time zone of the same time."""
        await self._patch(campaign, mapping.schedule(schedule))

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Replace the list of mailboxes, and any tags that would add more."""
        answer = await self._patch(campaign, {"email_list": list(senders), "email_tag_list": []})
        taken = {str(address).lower() for address in as_list(answer.get("email_list"))}
        if missing := [sender for sender in senders if sender.lower() not in taken]:
            raise Refused(f"PATCH campaigns: {len(missing)} senders were not taken")

    async def put_webhook(self, campaign: str, url: str) -> None:
        """Have one subscription for the campaign, or the one for all campaigns where somebody has made it."""
        try:
            await self._put_webhook(campaign, url)
        except CredentialRefused as error:
            if error.status not in ACCOUNT_REFUSALS:
                raise
            # Some plans lack webhooks and have all the rest.
            raise Refused(str(error), status=error.status, request_id=error.request_id) from None

    async def _put_webhook(self, campaign: str, url: str) -> None:
        wanted = mapping.hook(campaign, url)
        hooks = [row async for row in self._rows("/webhooks") if mapping.is_our_hook(row, wanted)]
        if not hooks:
            await self._put("POST", "/webhooks", wanted)
            return
        kept, *others = sorted(hooks, key=lambda row: mapping.hook_distance(row, wanted))
        path = f"/webhooks/{_segment(kept['id'])}"
        if changes := mapping.hook_changes(kept, wanted):
            await self._put("PATCH", path, changes)
        if mapping.number(kept.get("status")) == mapping.DISABLED:
            await self._put("POST", f"{path}/resume")
        for other in others:
            await self._delete(f"/webhooks/{_segment(other['id'])}")

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start or pause; a refusal is none where the campaign already is what was asked for."""
        path = f"/campaigns/{_segment(campaign)}"
        try:
            await self._put("POST", f"{path}/{'activate' if active else 'pause'}")
        except Refused as error:
            if isinstance(error, CredentialRefused) or error.status == 404:
                raise
            status = mapping.number(as_mapping((await self._http.get(API + path)).body).get("status"))
            if status not in (mapping.SENDING if active else mapping.RESTING):
                raise

    async def add_leads(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer names those it created and counts the others."""
        answer = await self._http.send("POST", f"{API}/leads/add", body=mapping.add_leads(campaign, leads))
        told = as_mapping(answer.body)
        if not isinstance(told.get("created_leads"), list):
            raise Uncertain("POST leads/add: the answer does not say who was created", status=answer.status)
        return mapping.lead_results(leads, told)

    async def find_leads(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Ask for exactly these addresses. The few that the filter could not take are looked for among everybody."""
        plain = [address for address in addresses if mapping.PLAIN_ADDRESS.fullmatch(address)]
        found = dict[str, str]()
        for start in range(0, len(plain), PAGE):
            part = plain[start : start + PAGE]
            found |= await self._find(campaign, set(part), {"contacts": part})
        if odd := set(addresses) - set(plain):
            found |= await self._find(campaign, odd, {})
        return found

    async def find_lead(self, campaign: str, address: str) -> str | None:
        """Ask for one address in one campaign."""
        return (await self.find_leads(campaign, [address], datetime.now(UTC))).get(address)

    async def _find(self, campaign: str, wanted: set[str], narrowed: Mapping[str, Any]) -> dict[str, str]:
        """Return who of `wanted` is in the campaign: rows of others are passed over, should a filter be ignored."""
        found = dict[str, str]()
        body = {"campaign": campaign, "limit": PAGE, **narrowed}
        try:
            async with aclosing(self._rows("/leads/list", body)) as rows:
                async for row in rows:
                    email, lead = str(row.get("email") or "").lower(), mapping.row_id(row)
                    if lead and email in wanted and mapping.is_in(row, campaign):
                        found.setdefault(email, lead)
                    if len(found) == len(wanted):
                        break
        except Refused as error:
            if error.status != 404:
                raise
        return found

    async def stop_lead(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Take out of the campaign, or set the interest that ends the sequence; not where somebody else ended it."""
        path = f"/leads/{_segment(lead)}"
        try:
            row = as_mapping((await self._http.get(API + path)).body)
        except Refused as error:
            if error.status == 404:
                return True
            raise
        if mapping.row_id(row) is None:
            raise Passing("GET leads: no lead in the answer")
        if not mapping.is_in(row, campaign) or mapping.is_unsubscribed(row):
            return True
        if for_good:
            await self._delete(path)
        elif row.get("lt_interest_status") is None:
            body = {"lead_email": row.get("email"), "interest_value": mapping.NOT_INTERESTED, "campaign_id": campaign}
            await self._http.send("POST", f"{API}/leads/update-interest-status", body=body, repeatable=True)
        return True

    async def _patch(self, campaign: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._put("PATCH", f"/campaigns/{_segment(campaign)}", body)

    async def _put(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Change one thing and return it as it is now; an answer that does not show it proves nothing."""
        answer = await self._http.send(method, API + path, body=body, repeatable=True)
        changed = as_mapping(answer.body)
        if mapping.row_id(changed) is None:
            raise Passing(f"{method} {path}: the answer does not show what was changed", status=answer.status)
        return changed

    async def _delete(self, path: str) -> None:
        """Delete one thing; that it is gone already is what was wanted."""
        try:
            await self._put("DELETE", path)
        except Refused as error:
            if error.status != 404:
                raise

    async def _rows(self, path: str, body: Mapping[str, Any] | None = None) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield the rows of all pages. Every page with rows has a cursor, which is handed back as it came."""
        cursors: set[str] = set()
        asked: dict[str, Any] = dict(body or {"limit": PAGE})
        while True:
            if body is None:
                answer = await self._http.get(API + path, params=asked)
            else:
                answer = await self._http.send("POST", API + path, body=asked, repeatable=True)
            rows, cursor = _page(answer)
            for row in rows:
                yield row
            if not rows or not cursor:
                return
            if cursor in cursors:
                raise Passing(f"{path}: the list turns in a circle", status=answer.status)
            cursors.add(cursor)
            asked["starting_after"] = cursor


def _page(answer: Answer) -> tuple[list[Mapping[str, Any]], str]:
    """Return the rows of a page and its cursor. An answer that is no page says nothing of what is there."""
    page = as_mapping(answer.body)
    if not isinstance(page.get("items"), list):
        raise Passing("the answer is no list", status=answer.status)
    cursor = page.get("next_starting_after")
    return as_rows(page["items"]), cursor if isinstance(cursor, str) else ""


def _segment(value: object) -> str:
    """Return an id as one part of a path."""
    return quote(str(value), safe="")


def _sendable(api_key: str) -> str:
    """Return the key as it is, or one that nobody has where a header could not hold it."""
    return api_key if re.fullmatch(r"[!-~]+", api_key) else "unusable"
