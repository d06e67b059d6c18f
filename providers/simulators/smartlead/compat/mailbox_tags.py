"""Tags of mailboxes."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.compat.mailboxes import write
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done
from providers.simulators.smartlead.validation import Fields, Required, array, nullable, number, text

routes = Routes()

_GREY = "#8C8C8C"
_MAPPING: Fields = {
    "email_account_ids": Required(array(number(), most=25, filled=True)),
    "tag_ids": Required(array(number(), filled=True)),
}


def _shown(row: Row) -> Object:
    return {"id": row["id"], "name": row["name"], "color": row["color"]}


def _made(call: Call, name: str, color: str) -> int:
    row = {"account_id": call.account.id, "name": name, "color": color}
    known = call.store.value("select id from tags where account_id = ? and name = ?", call.account.id, name)
    return known or call.store.insert("tags", row)


@routes.on("POST", "/tags", body={"name": Required(text(empty=False)), "color": nullable(text())})
def create(call: Call) -> Response:
    """Make a tag; one of that name stays as it is."""
    tag_id = _made(call, call.body["name"], call.body.get("color") or _GREY)
    return answer({"ok": True, "data": _shown(_tags(call, [tag_id])[0])})


@routes.on(
    "POST",
    "/email-accounts/tag-manager",
    body={"id": nullable(number()), "name": Required(text(empty=False)), "color": Required(text(empty=False))},
)
def manage(call: Call) -> Response:
    """Make a tag, or with an id change one."""
    name, color, tag_id = call.body["name"], call.body["color"], call.body.get("id")
    if tag_id is None:
        tag_id = _made(call, name, color)
    changed = call.store.run(
        "update or ignore tags set name = ?, color = ? where id = ? and account_id = ?",
        name,
        color,
        tag_id,
        call.account.id,
    )
    if not changed:
        raise RefusedError(404, {"error": "Tag not found."})
    return answer({"ok": True, "id": tag_id})


@routes.on("GET", "/email-accounts/tags")
def list_all(call: Call) -> Response:
    """List the account's tags."""
    rows = call.store.all("select * from tags where account_id = ? order by id", call.account.id)
    return answer([_shown(row) for row in rows])


@routes.on("POST", "/email-accounts/tag-list", body={"email_ids": Required(array(text(), filled=True))})
def list_of_mailboxes(call: Call) -> Response:
    """List the tags of the mailboxes with these addresses."""
    rows = call.store.all(
        "select * from email_accounts where account_id = ? and from_email in (select value from json_each(?))",
        call.account.id,
        json.dumps([address.lower() for address in call.body["email_ids"]]),
    )
    return answer([{"email": row["from_email"], "tags": json.loads(row["fields"])["tags"]} for row in rows])


@routes.on("POST", "/email-accounts/tag-mapping", body=_MAPPING)
def assign(call: Call) -> Response:
    """Put tags on mailboxes."""
    tags = [_shown(row) for row in _tags(call, call.body["tag_ids"])]
    ids = {tag["id"] for tag in tags}
    for row in _mailboxes(call):
        kept = [tag for tag in json.loads(row["fields"])["tags"] if tag["id"] not in ids]
        write(call, row, {"tags": [*kept, *tags]})
    return done()


@routes.on("DELETE", "/email-accounts/tag-mapping", body=_MAPPING)
def remove(call: Call) -> Response:
    """Take tags off mailboxes."""
    ids = set(call.body["tag_ids"])
    for row in _mailboxes(call):
        write(call, row, {"tags": [tag for tag in json.loads(row["fields"])["tags"] if tag["id"] not in ids]})
    return done()


def _tags(call: Call, ids: list[int]) -> list[Row]:
    return call.store.all(
        "select * from tags where account_id = ? and id in (select value from json_each(?)) order by id",
        call.account.id,
        json.dumps(ids),
    )


def _mailboxes(call: Call) -> list[Row]:
    return call.store.all(
        "select * from email_accounts where account_id = ? and id in (select value from json_each(?)) order by id",
        call.account.id,
        json.dumps(call.body["email_account_ids"]),
    )
