"""The simulator's own controls beyond the common ones: look inside, and make things happen to people."""

import json
from collections.abc import Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.heyreach import enrolment, events, inspection
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.enrolment import Enrolment
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.webhooks import publishing
from providers.simulators.kit import control
from providers.simulators.kit.control import UnclearError, object_of
from providers.simulators.kit.store import Object

_FLAGS = ("is_active", "auth_is_valid")


class Control(control.Control):
    """Answers the control requests."""

    def own_routes(self) -> Sequence[Route]:
        """Return the routes beyond the common ones."""
        return [
            Route("/campaigns", self.list_campaigns),
            Route("/campaigns/{campaign_id:int}", self.read_campaign),
            Route("/campaigns/{campaign_id:int}/leads", self.list_leads),
            Route("/messages", self.list_messages),
            Route("/accounts", self.list_accounts),
            Route("/accounts/{account_id:int}", self.change_account, methods=["PATCH"]),
            Route("/webhooks/{webhook_id:int}/test", self.test_webhook, methods=["POST"]),
            Route("/play", self.play, methods=["POST"]),
        ]

    def campaign_key(self, text: str) -> int | str:
        """Read a campaign's number."""
        if not text.isdecimal():
            raise UnclearError(422, "campaign must be an id")
        return int(text)

    async def list_campaigns(self, request: Request) -> Response:
        """Return every campaign of every workspace."""
        del request
        return JSONResponse(inspection.campaigns(self.store))

    async def read_campaign(self, request: Request) -> Response:
        """Return one campaign with its parts."""
        found = inspection.campaign(self.store, request.path_params["campaign_id"])
        if found is None:
            raise UnclearError(404, "there is no such campaign")
        return JSONResponse(found)

    async def list_leads(self, request: Request) -> Response:
        """Return a campaign's leads, without lag."""
        return JSONResponse(inspection.leads(self.store, request.path_params["campaign_id"]))

    async def list_messages(self, request: Request) -> Response:
        """Return every message, without lag, so that one sent twice is seen twice."""
        return JSONResponse(
            inspection.messages(self.store, profiles.normalised(request.query_params.get("profile_url")))
        )

    async def list_accounts(self, request: Request) -> Response:
        """Return every LinkedIn account of every workspace."""
        del request
        return JSONResponse(inspection.accounts(self.store))

    async def change_account(self, request: Request) -> Response:
        """Log a LinkedIn account out or in, switch it off or on, or change its limits."""
        account_id, asked = request.path_params["account_id"], await object_of(request)
        row = self.store.one("select * from li_accounts where id = ?", account_id)
        if row is None:
            raise UnclearError(404, "there is no such account")
        limits = {**json.loads(row["limits"]), **_limits(asked, json.loads(row["limits"]))}
        flags = {name: bool(asked.get(name, row[name])) for name in _FLAGS}
        with self.store.transaction():
            self.store.run(
                "update li_accounts set is_active = ?, auth_is_valid = ?, limits = ? where id = ?",
                *flags.values(),
                json.dumps(limits),
                account_id,
            )
        return JSONResponse(inspection.accounts(self.store, account_id)[0])

    async def test_webhook(self, request: Request) -> Response:
        """Push the provider's test button, and return the body that was queued."""
        hook = self.store.one("select * from webhooks where id = ?", request.path_params["webhook_id"])
        if hook is None:
            raise UnclearError(404, "there is no such webhook")
        with self.store.transaction():
            body = publishing.test_event(self.store, hook)
        return JSONResponse(body)

    async def play(self, request: Request) -> Response:
        """Make something happen to a person now, and return the first webhook body that was queued."""
        asked = await object_of(request)
        event, text, kind = asked.get("event"), asked.get("text"), asked.get("kind", "TEXT")
        if event not in events.EVENTS:
            raise UnclearError(422, f"event must be one of: {', '.join(events.EVENTS)}")
        if kind not in ("TEXT", "VOICE", "IMAGE", "FILE") or not isinstance(text, str | None):
            raise UnclearError(422, "kind must be TEXT, VOICE, IMAGE or FILE, and text a text")
        with self.store.transaction():
            who = self._who(asked)
            if event in ("reply", "inmail_reply") and kind != "TEXT":
                body = events.reply(who, kind=kind, inmail=event == "inmail_reply")
            else:
                body = events.happen(who, event, text)
        return JSONResponse(body)

    def _who(self, asked: Object) -> Enrolment:
        url = profiles.normalised(asked.get("profile_url") or asked.get("email"))
        if asked.get("campaign_id") is None:
            return self._stranger(url, asked.get("account_id"))
        link = self.store.value(
            "select l.id from campaign_leads l join profiles p on p.id = l.profile_id"
            " where l.campaign_id = ? and p.url = ?",
            asked["campaign_id"],
            url,
        )
        who = enrolment.enrolment(self.store, link) if link else None
        if who is None:
            raise UnclearError(404, "the campaign has no such lead")
        return who

    def _stranger(self, url: str | None, account_id: Any) -> Enrolment:
        workspace = self.store.value("select workspace_id from li_accounts where id = ?", account_id)
        if workspace is None or url is None:
            raise UnclearError(422, "without a campaign_id there must be an account_id and a profile_url")
        now = times.stamp(self.store.clock.now())
        profile_id = profiles.save(self.store, workspace, url, {}, now)
        who = publishing.stranger(self.store, workspace, profile_id, account_id)
        if who is None:
            raise LookupError(url)
        return who


def _limits(asked: Object, known: Object) -> Object:
    limits: Any = asked.get("limits", {})
    unknown = set(asked) - {*_FLAGS, "limits"}
    if unknown or not isinstance(limits, dict):
        raise UnclearError(422, f"an account has: {', '.join(_FLAGS)}, limits")
    given = cast("Object", limits)
    if not all(name in known and isinstance(value, int) for name, value in given.items()):
        raise UnclearError(422, f"limits are numbers, named: {', '.join(known)}")
    return given
