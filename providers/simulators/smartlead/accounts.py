"""The account of a key: each starts with three mailboxes under a domain of its own."""

import hashlib
import json
import uuid

from providers.simulators.kit.store import Store
from providers.simulators.smartlead.requests import Account
from providers.simulators.smartlead.senders.mailboxes import BORN, fresh_fields

_PEOPLE = (("SMTP", "Ana", "Silva"), ("GMAIL", "Ben", "Okoro"), ("OUTLOOK", "Chloe", "Martin"))
_UUID = 36


def open_account(store: Store, api_key: str) -> Account:
    """Return the account of this key, with its mailboxes, creating both if it is new."""
    row = store.one("select * from accounts where api_key = ?", api_key)
    if row is None:
        _create(store, api_key)
        row = store.one("select * from accounts where api_key = ?", api_key)
    if row is None:
        raise LookupError(api_key)
    return Account(row["id"], row["secret_key"], row["name"], row["email"])


def _create(store: Store, api_key: str) -> None:
    mark = hashlib.sha256(api_key.encode()).hexdigest()[:6]
    domain = f"mail-{mark}.example"
    account = {
        "api_key": api_key,
        "secret_key": _secret(api_key),
        "name": f"Owner {mark}",
        "email": f"owner@{domain}",
        "created_at": BORN,
    }
    account_id = store.insert("accounts", account)
    for number_, (kind, first, last) in enumerate(_PEOPLE):
        address = f"{first.lower()}.{last.lower()}@{domain}"
        row = {"account_id": account_id, "from_email": address, "created_at": BORN, "updated_at": BORN}
        fields = fresh_fields(kind, f"{first} {last}", address, number_)
        store.insert("email_accounts", {**row, "fields": json.dumps(fields)})


def _secret(api_key: str) -> str:
    # The live service signs nothing, but repeats the uuid part of the key in every webhook.
    try:
        return str(uuid.UUID(api_key[:_UUID]))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, api_key))
