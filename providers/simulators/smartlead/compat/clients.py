"""Clients: sub-accounts of an agency, and the keys made for them."""

import json
import uuid

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done
from providers.simulators.smartlead.validation import Required, array, boolean, nullable, number, text

routes = Routes()

_KEY_TAIL = 7


@routes.on(
    "POST",
    "/client/save",
    body={
        "id": nullable(number()),
        "name": Required(text(empty=False)),
        "email": Required(text(empty=False)),
        "permission": array(text()),
        "logo": nullable(text()),
        "logo_url": nullable(text()),
        "password": nullable(text()),
        "is_credit_assigned": boolean,
        "email_credits": nullable(number()),
        "lead_credits": nullable(number()),
    },
)
def save(call: Call) -> Response:
    """Add a client, or with an id change one."""
    email, given = call.body["email"].strip().lower(), call.body.get("id")
    taken = call.store.value("select id from clients where account_id = ? and email = ?", call.account.id, email)
    if taken not in {None, given}:
        message = f"Client with {email} already exist in the system. Please contact support over chat/email."
        raise RefusedError(400, {"message": message})
    fields = {name: call.body.get(name) for name in ("name", "permission", "logo", "logo_url")}
    client_id = _add(call, email) if given is None else _own(call, given)["id"]
    call.store.run("update clients set email = ?, fields = ? where id = ?", email, json.dumps(fields), client_id)
    password = call.body.get("password") or uuid.uuid4().hex[:12]
    return answer({"ok": True, "clientId": client_id, "name": fields["name"], "email": email, "password": password})


def _add(call: Call, email: str) -> int:
    row = {"account_id": call.account.id, "email": email, "fields": "{}", "created_at": call.now}
    return call.store.insert("clients", row)


def _own(call: Call, client_id: int) -> Row:
    found = call.store.one("select * from clients where id = ? and account_id = ?", client_id, call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "Client not found - Invalid client_id."})
    return found


@routes.on("GET", "/client")
def list_all(call: Call) -> Response:
    """List the clients, with the provider's own spelling."""
    rows = call.store.all("select * from clients where account_id = ? order by id", call.account.id)
    return answer([_shown(call, row) for row in rows])


def _shown(call: Call, row: Row) -> Object:
    fields = json.loads(row["fields"])
    may = {"permission": fields.get("permission") or ["full_access"], "retricted_category": []}
    return {
        "id": row["id"],
        "name": fields.get("name"),
        "email": row["email"],
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"client {row['id']}")),
        "created_at": row["created_at"],
        "user_id": call.account.id,
        "logo": fields.get("logo"),
        "logo_url": fields.get("logo_url"),
        "client_permision": may,
    }


@routes.on("POST", "/client/api-key", body={"clientId": Required(number()), "keyName": Required(text(empty=False))})
def create_key(call: Call) -> Response:
    """Make a key for a client. It is a name only: the simulator accepts no request with it."""
    client_id = _own(call, call.body["clientId"])["id"]
    row = {"account_id": call.account.id, "client_id": client_id, "key_name": call.body["keyName"]}
    stamps = {"created_at": call.now, "updated_at": call.now}
    key_id = call.store.insert("client_keys", {**row, "api_key": _new_key(), **stamps})
    return answer({"ok": True, "data": _key(_own_key(call, key_id))})


@routes.on("GET", "/client/api-key", query={"clientId": number(), "status": text(), "keyName": text()})
def list_keys(call: Call) -> Response:
    """List the keys made for clients."""
    rows = call.store.all("select * from client_keys where account_id = ? order by id", call.account.id)
    filters = {"client_id": call.query.get("clientId"), "key_name": call.query.get("keyName")}
    chosen = [row for row in rows if all(value in {None, row[name]} for name, value in filters.items())]
    return answer({"ok": True, "data": [_key(row) for row in chosen]})


@routes.on("PUT", "/client/api-key/reset/{key_id}", body={"id": number()})
def reset_key(call: Call) -> Response:
    """Put a new key in place of one."""
    key_id = _own_key(call, call.params["key_id"])["id"]
    call.store.run("update client_keys set api_key = ?, updated_at = ? where id = ?", _new_key(), call.now, key_id)
    return answer({"ok": True, "data": _key(_own_key(call, key_id))})


@routes.on("DELETE", "/client/api-key/{key_id}")
def delete_key(call: Call) -> Response:
    """Take a key away."""
    call.store.run("delete from client_keys where id = ?", _own_key(call, call.params["key_id"])["id"])
    return done()


def _new_key() -> str:
    return f"{uuid.uuid4()}_{uuid.uuid4().hex[:_KEY_TAIL]}"


def _own_key(call: Call, key_id: int) -> Row:
    found = call.store.one("select * from client_keys where id = ? and account_id = ?", key_id, call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "API key not found."})
    return found


def _key(row: Row) -> Object:
    names = ("id", "client_id", "key_name", "api_key", "created_at", "updated_at")
    own = {name: row[name] for name in names}
    return {**own, "user_id": row["account_id"], "status": "active", "deleted_at": None}
