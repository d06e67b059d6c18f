"""What people wrote, what became of what was sent, and answers to them, as Smartlead tells and takes it.

A fact that comes by polling has the key of a webhook's: mails by their `stats_id`, replies by their message id.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.contract import Senders
from providers.deliveries import moment_of
from providers.errors import Refused, Uncertain
from providers.models import Figures, Message, ProviderEvent
from providers.reading import as_mapping, as_rows
from providers.smartlead import facts
from providers.smartlead.calls import API, Calls, rows_of
from providers.smartlead.leads import SmartleadLeads

REPLIES = 20  # conversations on a page of the inbox at most
ROWS = 200  # of statistics; each holds the whole mail
LATE = timedelta(hours=3)  # a reply is dated by its mail and found up to two hours later
OVERLAP = timedelta(minutes=30)


class SmartleadInbox:
    """The parts of one account that are about messages."""

    def __init__(self, calls: Calls, leads: SmartleadLeads) -> None:
        self._calls = calls
        self._leads = leads

    async def read_figures(self, campaign: str) -> Figures:
        """Read the counters, which come as text."""
        answer = await self._calls.http.get(f"{API}/campaigns/{campaign}/analytics")
        return facts.figures(as_mapping(answer.body))

    async def read_facts(self, campaigns: Sequence[str], since: datetime) -> list[ProviderEvent]:
        """Read replies for the whole account, and per campaign what was sent, bounced or unsubscribed.

        Statistics can be narrowed by when a mail was sent only, and bounces and unsubscribes have no time of their own:
        of those all are returned.
        """
        found = await self._replies(set(campaigns), since - LATE) if campaigns else []
        for campaign in campaigns:
            path = f"/campaigns/{campaign}/statistics"
            sent = {"sent_time_start_date": (since - OVERLAP).isoformat()}
            rows = await self._calls.pages(path, sent, size=ROWS)
            found += [fact for row in rows if (fact := facts.sent(campaign, row, since - OVERLAP))]
            rows = await self._calls.pages(path, {"email_status": "bounced"}, size=ROWS)
            found += [fact for row in rows if (fact := facts.bounced(campaign, row))]
            gone = await self._calls.pages(f"/campaigns/{campaign}/leads", {"emailStatus": "is_unsubscribed"})
            found += [fact for row in gone if (fact := facts.unsubscribed(campaign, row))]
        return found

    async def _replies(self, campaigns: set[str], since: datetime) -> list[ProviderEvent]:
        """Read every conversation with a reply since then. The end is open: a later reply moves a conversation on."""
        window = [since.isoformat(), (datetime.now(UTC) + timedelta(days=1)).isoformat()]
        found: list[ProviderEvent] = []
        offset = 0
        while True:
            body = {"offset": offset, "limit": REPLIES, "filters": {"replyTimeBetween": window}}
            answer = await self._calls.http.send(
                "POST",
                f"{API}/master-inbox/inbox-replies",
                params={"fetch_message_history": "true"},
                body=body,
                repeatable=True,
            )
            rows = rows_of(answer)
            for row in rows:
                if str(row.get("email_campaign_id")) in campaigns:
                    found += facts.replies(row, since)
            offset += len(rows)
            if len(rows) < REPLIES:
                return found

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
