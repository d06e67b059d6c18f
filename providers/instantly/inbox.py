"""What people wrote, what became of what was sent, and answers to them, as Instantly tells and takes it.

Listing mails has a budget of its own, twenty a minute, so these requests are spaced wider than others.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.contract import FORGETFUL, Progress, Senders
from providers.errors import Passing, Refused
from providers.instantly import facts, mapping
from providers.instantly.calls import API, PAGE, Calls, page_of
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.reading import as_place, as_rows
from providers.texts import as_html

MAILS_SECONDS = 3.5  # between two pages: `GET /emails` of the reference allows 20 a minute, narrower than the rest
OVERLAP = timedelta(minutes=30)
PEOPLE = {Fact.UNSUBSCRIBED: "FILTER_VAL_UNSUBSCRIBED", Fact.BOUNCED: "FILTER_VAL_BOUNCED"}
STATUS = {Fact.UNSUBSCRIBED: mapping.UNSUBSCRIBED, Fact.BOUNCED: mapping.BOUNCED}


class InstantlyInbox:
    """The parts of one workspace that are about messages."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read_figures(self, campaign: str) -> Figures:
        """Read the counters of a campaign, which is not listed before anything has happened in it."""
        answer = await self._calls.http.get(f"{API}/campaigns/analytics", params={"id": campaign})
        rows = [row for row in as_rows(answer.body) if row.get("campaign_id") == campaign]
        return facts.figures(rows[0] if rows else {})

    async def read_facts(
        self, campaigns: Sequence[str], since: datetime, *, progress: Progress = FORGETFUL
    ) -> list[ProviderEvent]:
        """Read the mails of the whole workspace since then, and per campaign who unsubscribed or bounced."""
        wanted = {campaign.lower() for campaign in campaigns}
        found: list[ProviderEvent] = []
        if not wanted:
            return found
        narrowed = {"sort_order": "asc", "mode": "emode_all", "min_timestamp_created": _stamp(since - OVERLAP)}
        stamp = narrowed["min_timestamp_created"]
        after, began = as_place(progress.place("mails"), str | None, str) or ("", None)
        if began != stamp or after is not None:
            async for rows, behind in self._mail_pages(narrowed, after if began == stamp else ""):
                read = [fact for row in rows if (fact := facts.of_mail(row)) and fact.external_campaign_id in wanted]
                await progress.keep("mails", read, [behind or None, stamp])
                found += read
        for campaign in campaigns:
            for fact in PEOPLE:
                found += await self._people(fact, campaign, stamp, progress)
        return found

    async def _people(self, fact: Fact, campaign: str, stamp: str, progress: Progress) -> list[ProviderEvent]:
        """Read who is in a state: the first page, and what is behind the last one that was known; once a day all. A
        filter that is not known is ignored there, so each row is looked at again."""
        body = {"campaign": campaign, "limit": PAGE, "filter": PEOPLE[fact]}
        name, today = f"{campaign}:{fact}", f"{datetime.now(UTC):%Y-%m-%d}"
        known, day, whole = as_place(progress.place(name), str, str, str | None) or ("", today, None)
        if whole == stamp and day == today:
            return []
        starts = ["", known] if known and day == today else [""]
        found: list[ProviderEvent] = []
        for start in starts:
            last, is_first_alone = start, not start and len(starts) > 1
            async for rows, behind in self._calls.each_page("/leads/list", body, after=start):
                read = [event for row in rows if (event := _of_person(fact, campaign, row))]
                last = known if is_first_alone else behind or last
                is_whole = not is_first_alone and not (rows and behind)
                await progress.keep(name, read, [last, today, stamp if is_whole else None])
                found += read
                if is_first_alone:
                    break
        return found

    async def read_thread(
        self,
        campaign: str,
        lead: str | None,  # noqa: ARG002
        address: str,
        *,
        senders: Senders | None = None,  # noqa: ARG002
    ) -> list[Message]:
        """Read the mails between a campaign's mailboxes and one person."""
        return [facts.message(row) for row in await self._thread(campaign, address)]

    async def reply(
        self,
        campaign: str,
        lead: str | None,  # noqa: ARG002
        address: str,
        text: str,
        *,
        senders: Senders | None = None,  # noqa: ARG002
    ) -> None:
        """Answer the latest mail that was received; an answer to one of our own would go to our own mailbox. Raises
        Refused when there is none."""
        received = [row for row in await self._thread(campaign, address) if mapping.number(row.get("ue_type")) == 2]
        if not received:
            raise Refused("there is no reply to answer")
        latest = received[-1]
        body = {
            "eaccount": latest.get("eaccount"),
            "reply_to_uuid": latest.get("id"),
            "subject": facts.answer_subject(latest),
            "body": {"html": as_html(text)},
        }
        await self._calls.optional(self._calls.http.send("POST", f"{API}/emails/reply", body=body))

    async def _thread(self, campaign: str, address: str) -> list[Mapping[str, Any]]:
        narrowed = {"lead": address, "sort_order": "asc", "mode": "emode_all"}
        rows = await self._mails({**narrowed, "campaign_id": campaign})
        if not rows:
            return []
        # An answer by hand need not name the campaign: it is in the same thread.
        threads = {str(row["thread_id"]) for row in rows if row.get("thread_id")}
        known = {str(row.get("id")) for row in rows}
        for thread in threads:
            others = await self._mails({"search": f"thread:{thread}", "sort_order": "asc", "mode": "emode_all"})
            rows += [row for row in others if str(row.get("id")) not in known]
        return sorted(rows, key=lambda row: str(row.get("timestamp_created") or ""))

    async def _mails(self, narrowed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the mails of all pages."""
        return [row async for rows, _ in self._mail_pages(narrowed) for row in rows]

    async def _mail_pages(
        self, narrowed: Mapping[str, Any], cursor: str = ""
    ) -> AsyncGenerator[tuple[list[Mapping[str, Any]], str]]:
        """Yield the mails of each page behind a cursor, with the cursor behind them, which is empty at the end."""
        while True:
            params = {**narrowed, "limit": PAGE, **({"starting_after": cursor} if cursor else {})}
            call = self._calls.http.get(f"{API}/emails", params=params, spacing=MAILS_SECONDS)
            rows, following = page_of(await self._calls.optional(call))
            if following and following == cursor:
                raise Passing("/emails: the list turns in a circle")
            yield rows, following if rows else ""
            if not rows or not following:
                return
            cursor = following


def _of_person(fact: Fact, campaign: str, row: Mapping[str, Any]) -> ProviderEvent | None:
    if not mapping.is_in(row, campaign) or mapping.number(row.get("status")) != STATUS[fact]:
        return None
    return facts.of_person(fact, campaign, row)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
