"""What people wrote, what became of what was sent, and answers to them, as Smartlead tells and takes it.

A fact that comes by polling has the key of a webhook's: mails by their `stats_id`, replies by their message id.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from providers.contract import FORGETFUL, Progress, Senders
from providers.deliveries import moment_of
from providers.errors import Refused, Uncertain
from providers.models import Figures, Message, ProviderEvent
from providers.reading import as_mapping, as_place, as_rows
from providers.smartlead import facts
from providers.smartlead.calls import API, PAGE, Calls, rows_of
from providers.smartlead.leads import SmartleadLeads

REPLIES = 20  # conversations on a page of the inbox at most
ROWS = 200  # of statistics; each holds the whole mail
LATE = timedelta(hours=3)  # a reply is dated by its mail and found up to two hours later
OVERLAP = timedelta(minutes=30)
BACK = 5  # rows: so many may go away before the place where a list is left
FactOf = Callable[[Mapping[str, Any]], ProviderEvent | None]


class _Ever(NamedTuple):
    """A list of all that ever was, and since when its facts are wanted this time."""

    path: str
    params: Mapping[str, Any]
    size: int
    since: str


class SmartleadInbox:
    """The parts of one account that are about messages."""

    def __init__(self, calls: Calls, leads: SmartleadLeads) -> None:
        self._calls = calls
        self._leads = leads

    async def read_figures(self, campaign: str) -> Figures:
        """Read the counters, which come as text."""
        answer = await self._calls.http.get(f"{API}/campaigns/{campaign}/analytics")
        return facts.figures(as_mapping(answer.body))

    async def read_facts(
        self, campaigns: Sequence[str], since: datetime, *, progress: Progress = FORGETFUL
    ) -> list[ProviderEvent]:
        """Read replies for the whole account, and per campaign what was sent, bounced or unsubscribed.

        Statistics can be narrowed by when a mail was sent only, and bounces and unsubscribes have no time of their own:
        of those the beginning and what has been added to the end is read, and once a day all.
        """
        found = await self._replies(set(campaigns), since - LATE, progress) if campaigns else []
        for campaign in campaigns:
            begun = since.isoformat()
            found += await self._sent(campaign, since - OVERLAP, progress)
            bounced = _Ever(f"/campaigns/{campaign}/statistics", {"email_status": "bounced"}, ROWS, begun)
            found += await self._ever(f"{campaign}:bounced", bounced, partial(facts.bounced, campaign), progress)
            gone = _Ever(f"/campaigns/{campaign}/leads", {"emailStatus": "is_unsubscribed"}, PAGE, begun)
            found += await self._ever(f"{campaign}:gone", gone, partial(facts.unsubscribed, campaign), progress)
        return found

    async def _sent(self, campaign: str, since: datetime, progress: Progress) -> list[ProviderEvent]:
        """Read what was sent since then, from where it was left."""
        name, params = f"{campaign}:sent", {"sent_time_start_date": since.isoformat()}
        left, window = as_place(progress.place(name), int | None, dict) or (0, None)
        if window == params and left is None:
            return []
        found: list[ProviderEvent] = []
        start = max(left - BACK, 0) if window == params else 0
        async for rows, behind in self._calls.each_page(
            f"/campaigns/{campaign}/statistics", params, size=ROWS, start=start
        ):
            read = [fact for row in rows if (fact := facts.sent(campaign, row, since))]
            await progress.keep(name, read, [behind if len(rows) == ROWS else None, params])
            found += read
        return found

    async def _ever(self, name: str, of: _Ever, fact_of: FactOf, progress: Progress) -> list[ProviderEvent]:
        """Read a list of all that ever was: its first page, and from the last page that was known on. In whichever
        order it comes, all of it is read once a day."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        known, day, whole = as_place(progress.place(name), int, str, str | None) or (0, today, None)
        if whole == of.since and day == today:
            return []
        start = max(min(known // of.size * of.size, known - BACK), 0) if day == today else 0
        found: list[ProviderEvent] = []
        if start > 0:
            async for rows, _ in self._calls.each_page(of.path, of.params, size=of.size):
                found += [fact for row in rows if (fact := fact_of(row))]
                await progress.keep(name, found, [known, today, None])
                break
        async for rows, behind in self._calls.each_page(of.path, of.params, size=of.size, start=start):
            read = [fact for row in rows if (fact := fact_of(row))]
            await progress.keep(name, read, [behind, today, None if len(rows) == of.size else of.since])
            found += read
        return found

    async def _replies(self, campaigns: set[str], since: datetime, progress: Progress) -> list[ProviderEvent]:
        """Read every conversation with a reply since then. Where reading goes on, those come first that have moved on
        since: they are not behind the place any more."""
        begun, now = since.isoformat(), datetime.now(UTC).isoformat()
        found: list[ProviderEvent] = []
        left, began, until = as_place(progress.place("replies"), int | None, str, str) or (0, begun, now)
        if began != begun:
            left, until = 0, now
        elif left is None:
            return []
        passes: list[tuple[str, int]] = [(until, 0), (begun, max(left - BACK, 0))] if left else [(begun, 0)]
        for moment, start in passes:
            async for rows, behind in self._conversations(moment, start):
                ours = [row for row in rows if str(row.get("email_campaign_id")) in campaigns]
                read = [fact for row in ours for fact in facts.replies(row, since)]
                if moment == begun:
                    left = behind if len(rows) == REPLIES else None
                await progress.keep("replies", read, [left, begun, until])
                found += read
        return found

    async def _conversations(self, moment: str, offset: int) -> AsyncGenerator[tuple[list[Mapping[str, Any]], int]]:
        """Yield the conversations of each page from an offset on that have a reply since then, the latest first, with
        the offset behind them. The end is open: a later reply moves a conversation on."""
        window = [moment, (datetime.now(UTC) + timedelta(days=1)).isoformat()]
        while True:
            answer = await self._calls.http.send(
                "POST",
                f"{API}/master-inbox/inbox-replies",
                params={"fetch_message_history": "true"},
                body={"offset": offset, "limit": REPLIES, "filters": {"replyTimeBetween": window}},
                repeatable=True,
            )
            rows = rows_of(answer)
            offset += len(rows)
            yield rows, offset
            if len(rows) < REPLIES:
                return

    async def read_thread(
        self,
        campaign: str,
        lead: str | None,
        address: str,
        *,
        senders: Senders | None = None,  # noqa: ARG002
    ) -> list[Message]:
        """Read what was written between a campaign's mailbox and one person."""
        return [facts.message(row) for row in await self._history(campaign, lead, address)]

    async def reply(
        self,
        campaign: str,
        lead: str | None,
        address: str,
        text: str,
        *,
        senders: Senders | None = None,  # noqa: ARG002
    ) -> None:
        """Answer the latest mail of the thread. It is queued there: whether it was sent only the thread tells. Raises
        Refused when there is none, Uncertain when it was not taken."""
        history = await self._history(campaign, lead, address)
        received = [row for row in history if facts.is_reply(row)]
        if not received:
            raise Refused("there is no reply to answer")
        body = facts.answer(received[-1], text)
        answer = await self._calls.http.send("POST", f"{API}/campaigns/{campaign}/reply-email-thread", body=body)
        if as_mapping(answer.body).get("ok") is False:
            raise Uncertain("reply-email-thread: not taken", status=answer.status)

    async def _history(self, campaign: str, lead: str | None, address: str) -> list[Mapping[str, Any]]:
        known = lead or await self._leads.find(campaign, address)
        if known is None:
            raise Refused("the person is not in the campaign", status=404)
        answer = await self._calls.http.get(f"{API}/campaigns/{campaign}/leads/{known}/message-history")
        rows = as_rows(as_mapping(answer.body).get("history"))
        return sorted(rows, key=lambda row: moment_of(row.get("time")) or datetime.min.replace(tzinfo=UTC))
