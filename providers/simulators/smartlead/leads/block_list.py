"""The account's block list of addresses and domains."""

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done
from providers.simulators.smartlead.validation import (
    Required,
    array,
    boolean,
    nullable,
    number,
    page,
    text,
    text_or_number,
)

routes = Routes()


@routes.on(
    "POST",
    "/leads/add-domain-block-list",
    body={"domain_block_list": Required(array(text(empty=False))), "client_id": nullable(number())},
)
def add(call: Call) -> Response:
    """Block addresses and domains for leads to come."""
    entries = call.body["domain_block_list"]
    added = put(call, entries, client_id=call.body.get("client_id"))
    return answer({"ok": True, "uploadCount": len(entries), "totalDomainAdded": added})


def put(call: Call, entries: list[str], *, client_id: int | None = None, source: str = "manual") -> int:
    """Block these, and return how many were not blocked before. What was blocked for one client alone, an entry of
    the account's own takes the place of."""
    before = call.store.value("select count(*) from block_list where account_id = ?", call.account.id)
    call.store.many(
        "insert into block_list (account_id, email_or_domain, client_id, source, created_at) values (?, ?, ?, ?, ?)"
        " on conflict (account_id, email_or_domain) do update set client_id = null where excluded.client_id is null",
        [(call.account.id, entry.strip().lower(), client_id, source, call.now) for entry in entries],
    )
    after = call.store.value("select count(*) from block_list where account_id = ?", call.account.id)
    return after - before


@routes.on(
    "GET",
    "/leads/get-domain-block-list",
    query={
        **page(1000),
        "filter_client_id": text_or_number,
        "filter_email_or_domain": text(),
        "filter_email_with_domain": boolean,
    },
)
def list_all(call: Call) -> Response:
    """List what is blocked, oldest first."""
    query = call.query
    rows = call.store.all(
        "select * from block_list where account_id = ? and (? is null or cast(client_id as text) = ?)"
        " and email_or_domain like ? order by id limit ? offset ?",
        call.account.id,
        query.get("filter_client_id"),
        query.get("filter_client_id"),
        f"%{query.get('filter_email_or_domain', '').lower()}%",
        query.get("limit", 100),
        query.get("offset", 0),
    )
    return answer([_shown(row) for row in rows])


def _shown(row: Row) -> Object:
    return {name: row[name] for name in ("id", "email_or_domain", "created_at", "source", "client_id")}


@routes.on("DELETE", "/leads/delete-domain-block-list", query={"id": Required(number())})
def delete(call: Call) -> Response:
    """Unblock the entry named in the query."""
    gone = call.store.run("delete from block_list where id = ? and account_id = ?", call.query["id"], call.account.id)
    if not gone:
        raise RefusedError(404, {"error": "Domain block list entry not found."})
    return done()
