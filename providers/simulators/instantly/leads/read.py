"""Reading leads: one, or a page of a filtered list."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.leads import leads
from providers.simulators.instantly.requests import Call, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()

_DAYS = 86_400
FILTERS: Mapping[str, str] = {
    "FILTER_VAL_CONTACTED": "contacted_at is not null",
    "FILTER_VAL_NOT_CONTACTED": "contacted_at is null",
    "FILTER_VAL_COMPLETED": "status = 3",
    "FILTER_VAL_UNSUBSCRIBED": "status = -2",
    "FILTER_VAL_ACTIVE": "status = 1",
    "FILTER_VAL_BOUNCED": "status = -1",
    "FILTER_VAL_SKIPPED": "status = -3",
    "FILTER_VAL_RISKY": "json_extract(fields, '$.verification_status') = -2",
    "FILTER_VAL_INVALID": "json_extract(fields, '$.verification_status') = -1",
    "FILTER_VAL_VALID": "json_extract(fields, '$.verification_status') = 1",
    "FILTER_VAL_IN_SUBSEQUENCE": "subsequence_id is not null",
    "FILTER_VAL_OPENED_NO_REPLY": "opens > 0 and replies = 0",
    "FILTER_VAL_COMPLETED_NO_REPLY": "status = 3 and replies = 0",
    "FILTER_VAL_NO_OPENS": "contacted_at is not null and opens = 0",
    "FILTER_VAL_REPLIED": "replies > 0",
    "FILTER_VAL_LINK_CLICKED": "clicks > 0",
    "FILTER_LEAD_OUT_OF_OFFICE": "interest = 0",
    "FILTER_LEAD_INTERESTED": "interest = 1",
    "FILTER_LEAD_MEETING_BOOKED": "interest = 2",
    "FILTER_LEAD_MEETING_COMPLETED": "interest = 3",
    "FILTER_LEAD_CLOSED": "interest = 4",
    "FILTER_LEAD_NOT_INTERESTED": "interest = -1",
    "FILTER_LEAD_WRONG_PERSON": "interest = -2",
    "FILTER_LEAD_LOST": "interest = -3",
    "FILTER_LEAD_NO_SHOW": "interest = -4",
    "FILTER_LEAD_CUSTOM_LABEL_POSITIVE": "interest > 4",
    "FILTER_LEAD_CUSTOM_LABEL_NEGATIVE": "interest < -4",
}
_IDS = validation.array(validation.text("uuid"))
CHOICE: validation.Fields = {
    "search": validation.text(),
    "filter": validation.text(),
    "campaign": validation.text("uuid"),
    "list_id": validation.text("uuid"),
    "in_campaign": validation.boolean(),
    "in_list": validation.boolean(),
    "ids": _IDS,
    "excluded_ids": _IDS,
    "contacts": validation.array(validation.text("email")),
    "queries": validation.array(
        validation.obj(
            {
                "actionType": validation.Required(
                    validation.text(
                        among=(
                            "reply",
                            "email-open",
                            "last-contacted",
                            "link-click",
                            "lead-status",
                            "lead-status-change",
                        )
                    )
                ),
                "values": validation.Required(
                    validation.obj(
                        {
                            "occurrence-days": validation.number(),
                            "occurrence-count": validation.obj(
                                {"condition": validation.text(), "count": validation.number()}
                            ),
                            "lead-status": validation.obj(
                                {"status": validation.number(), "condition": validation.text()}
                            ),
                        }
                    )
                ),
            }
        )
    ),
    "organization_user_ids": _IDS,
    "smart_view_id": validation.text("uuid"),
    "is_website_visitor": validation.boolean(),
    "enrichment_status": validation.number(among=(1, -1, 11, -2)),
    "esg_code": validation.text(among=("0", "1", "2", "3", "4", "all", "none")),
}


class Choice:
    """The conditions a body of filters puts on leads."""

    def __init__(self, workspace: str, body: Object) -> None:
        self.parts = ["workspace = ?"]
        self.values: list[Any] = [workspace]
        self._lists(body)
        self._words(body)
        queries: list[Object] = body.get("queries") or []
        for query in queries:
            self._query(query)

    def where(self, text: str, *values: Any) -> None:
        """Add a condition."""
        self.parts.append(text)
        self.values += values

    def _among(self, column: str, wanted: list[str]) -> None:
        self.where(f"{column} in (select value from json_each(?))", json.dumps(wanted))  # noqa: S608 - names are our own

    def _lists(self, body: Object) -> None:
        for name in ("campaign", "list_id"):
            if body.get(name):
                self.where(f"{name} = ?", body[name])
        for name, column in (("in_campaign", "campaign"), ("in_list", "list_id")):
            if name in body:
                self.where(f"{column} is {'not ' if body[name] else ''}null")
        for name, column in (("ids", "id"), ("contacts", "email")):
            if body.get(name):
                wanted = [str(one).lower() for one in body[name]]
                self._among(column, wanted)
        if body.get("excluded_ids"):
            self.where("id not in (select value from json_each(?))", json.dumps(body["excluded_ids"]))

    def _words(self, body: Object) -> None:
        if body.get("search"):
            like = f"%{body['search'].strip().lower()}%"
            names = "lower(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))"
            self.where(f"(email like ? or {names} like ?)", like, like)
        if body.get("filter") in FILTERS:
            self.where(f"({FILTERS[body['filter']]})")
        users = body.get("organization_user_ids")
        if users:
            self._among("json_extract(fields, '$.assigned_to')", users)
        if body.get("is_website_visitor") or body.get("enrichment_status") is not None or body.get("smart_view_id"):
            self.where("0")

    def _query(self, query: Object) -> None:
        wanted = query["values"]
        status = wanted.get("lead-status")
        if query["actionType"] == "lead-status" and status:
            sign = "is" if status.get("condition") != "is-not" else "is not"
            self.where(f"interest {sign} ?", status.get("status"))
            return
        column = {"reply": "replies", "email-open": "opens", "link-click": "clicks"}.get(query["actionType"])
        count = wanted.get("occurrence-count")
        if column and count:
            sign = {"more": ">", "less": "<"}.get(str(count.get("condition")), "=")
            self.where(f"{column} {sign} ?", count.get("count", 0))
        elif column:
            self.where(f"{column} > 0")
        elif query["actionType"] == "last-contacted":
            self.where("contacted_at is not null")

    @property
    def text(self) -> str:
        """Return the conditions as SQL."""
        return " and ".join(self.parts)


def select(call: Call, choice: Choice, order: str, limit: int) -> list[Row]:
    """Return the leads that meet the conditions."""
    sql = f"select * from leads where {choice.text} order by {order} limit ?"  # noqa: S608 - names are our own
    return call.store.all(sql, *choice.values, limit)


@routes.on(
    "POST",
    "/leads/list",
    "leads:read",
    body=validation.optional(
        validation.obj(
            {
                **CHOICE,
                "limit": validation.number(whole=True, least=1),
                "starting_after": validation.text(),
                "distinct_contacts": validation.boolean(),
            }
        )
    ),
)
def list_all(call: Call) -> Response:
    """List leads by rising id, or one of each address."""
    choice = Choice(call.workspace, call.body)
    if call.faults.on("list_lag"):
        choice.where("created_at <= ?", call.store.clock.stamp(-call.faults.seconds("list_lag")))
    after, key = call.body.get("starting_after"), "email" if call.body.get("distinct_contacts") else "id"
    if key == "email":
        inner = f"select min(id) from leads where {choice.text} group by email"  # noqa: S608 - names are our own
        choice.parts, choice.values = [f"id in ({inner})", "email is not null"], choice.values
    if after:
        choice.where(f"{key} > ?", after)
    rows = select(call, choice, key, call.limit(call.body))
    cursor = {"next_starting_after": rows[-1][key]} if rows else {}
    return answer({"items": [leads.shown(row) for row in rows], **cursor})


@routes.on("GET", "/leads/{id}", "leads:read")
def read(call: Call) -> Response:
    """Read one lead."""
    return answer(leads.shown(leads.find(call, call.params["id"])))
