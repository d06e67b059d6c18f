"""The controls of this simulator alone: its messages, accounts and webhooks, and what can be made to happen."""

import json
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.heyreach import enrolment, events, inspection
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.enrolment import Enrolment
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.state import OPTIONS
from providers.simulators.heyreach.webhooks import publishing
from providers.simulators.kit.control import Control, Subject, UnclearError, object_of
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store

_FLAGS = ("is_active", "auth_is_valid")


def control(store: Store, faults: Faults, token: str | None) -> Control:
    """Return the controls."""
    more = _More(store)
    own = [
        Route("/messages", more.list_messages),
        Route("/accounts", more.list_accounts),
        Route("/accounts/{account_id:int}", more.change_account, methods=["PATCH"]),
        Route("/webhooks/{webhook_id:int}/test", more.test_webhook, methods=["POST"]),
    ]
    subject = Subject(inspection.campaigns, inspection.campaign, inspection.leads, events.EVENTS, _play)
    return Control(store, faults, OPTIONS, token, subject, own=own)


class _More:
    """Answers what only this provider's controls have."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_messages(self, request: Request) -> Response:
        """Return every message, without lag, so that one sent twice is seen twice."""
        url = profiles.normalised(request.query_params.get("profile_url"))
        return JSONResponse(inspection.messages(self._store, url))

    async def list_accounts(self, request: Request) -> Response:
        """Return every LinkedIn account of every workspace."""
        del request
        return JSONResponse(inspection.accounts(self._store))

    async def change_account(self, request: Request) -> Response:
        """Log a LinkedIn account out or in, switch it off or on, or change its limits."""
        account_id, wanted = request.path_params["account_id"], await object_of(request)
        row = self._store.one("select * from li_accounts where id = ?", account_id)
        if row is None:
            raise UnclearError(404, "there is no such account")
        limits = {**json.loads(row["limits"]), **_limits(wanted, json.loads(row["limits"]))}
        flags = {name: bool(wanted.get(name, row[name])) for name in _FLAGS}
        with self._store.transaction():
            self._store.run(
                "update li_accounts set is_active = ?, auth_is_valid = ?, limits = ? where id = ?",
                *flags.values(),
                json.dumps(limits),
                account_id,
            )
        return JSONResponse(inspection.accounts(self._store, account_id)[0])

    async def test_webhook(self, request: Request) -> Response:
        """Push the provider's test button, and return the body that was queued."""
        hook = self._store.one("select * from webhooks where id = ?", request.path_params["webhook_id"])
        if hook is None:
            raise UnclearError(404, "there is no such webhook")
        with self._store.transaction():
            body = publishing.test_event(self._store, hook)
        return JSONResponse(body)


def _limits(wanted: Object, known: Object) -> Object:
    limits: Any = wanted.get("limits", {})
    unknown = set(wanted) - {*_FLAGS, "limits"}
    if unknown or not isinstance(limits, dict):
        raise UnclearError(422, f"an account has: {', '.join(_FLAGS)}, limits")
    given = cast("Object", limits)
    if not all(name in known and isinstance(value, int) for name, value in given.items()):
        raise UnclearError(422, f"limits are numbers, named: {', '.join(known)}")
    return given


def _play(store: Store, wanted: Object) -> Object:
    event, text, kind = wanted["event"], wanted.get("text"), wanted.get("kind", "TEXT")
    if kind not in ("TEXT", "VOICE", "IMAGE", "FILE") or not isinstance(text, str | None):
        raise UnclearError(422, "kind must be TEXT, VOICE, IMAGE or FILE, and text a text")
    with store.transaction():
        who = _who(store, wanted)
        if event in ("reply", "inmail_reply") and kind != "TEXT":
            return events.reply(who, kind=kind, inmail=event == "inmail_reply")
        return events.happen(who, event, text)


def _who(store: Store, wanted: Object) -> Enrolment:
    url = profiles.normalised(wanted.get("profile_url") or wanted.get("email"))
    if wanted.get("campaign_id") is None:
        return _stranger(store, url, wanted.get("account_id"))
    link = store.value(
        "select l.id from campaign_leads l join profiles p on p.id = l.profile_id"
        " where l.campaign_id = ? and p.url = ?",
        wanted["campaign_id"],
        url,
    )
    who = enrolment.enrolment(store, link) if link else None
    if who is None:
        raise UnclearError(404, "the campaign has no such lead")
    return who


def _stranger(store: Store, url: str | None, account_id: Any) -> Enrolment:
    workspace = store.value("select workspace_id from li_accounts where id = ?", account_id)
    if workspace is None or url is None:
        raise UnclearError(422, "without a campaign_id there must be an account_id and a profile_url")
    profile_id = profiles.save(store, workspace, url, {}, times.stamp(store.clock.now()))
    who = publishing.stranger(store, workspace, profile_id, account_id)
    if who is None:
        raise LookupError(url)
    return who
