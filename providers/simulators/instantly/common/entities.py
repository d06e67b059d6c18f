"""Small things, kept as the provider shows them; keys that begin with `_` are the simulator's own."""

import json

from providers.simulators.kit.store import Object, Row, Store


def create(store: Store, workspace: str, kind: str, fields: Object, **keys: str) -> Object:
    """Keep a new thing; `name` and `parent` are what it is found by, beside its id."""
    row = {"id": fields["id"], "workspace": workspace, "kind": kind, "name": "", "parent": "", **keys}
    store.insert("entities", {**row, "fields": json.dumps(fields)})
    return fields


def find(store: Store, workspace: str, kind: str, identity: str) -> Object | None:
    """Return the thing with this id."""
    text = store.value(
        "select fields from entities where workspace = ? and kind = ? and id = ?", workspace, kind, identity
    )
    return None if text is None else json.loads(text)


def named(store: Store, workspace: str, kind: str, name: str) -> Object | None:
    """Return the first thing with this name."""
    text = store.value(
        "select fields from entities where workspace = ? and kind = ? and name = ? order by seq", workspace, kind, name
    )
    return None if text is None else json.loads(text)


def every(store: Store, workspace: str, kind: str) -> list[Object]:
    """Return all things of a kind, oldest first."""
    rows = store.all("select fields from entities where kind = ? and workspace = ? order by seq", kind, workspace)
    return [json.loads(row["fields"]) for row in rows]


def of_parent(store: Store, kind: str, parent: str) -> list[Object]:
    """Return all things of a kind that belong to another, oldest first."""
    rows = store.all("select fields from entities where parent = ? and kind = ? order by seq", parent, kind)
    return [json.loads(row["fields"]) for row in rows]


def rows_of_kind(store: Store, kind: str) -> list[Row]:
    """Return the rows of all workspaces."""
    return store.all("select workspace, fields from entities where kind = ? order by seq", kind)


def save(store: Store, workspace: str, kind: str, fields: Object, **keys: str) -> Object:
    """Write a changed thing back."""
    columns = {**keys, "fields": json.dumps(fields)}
    assignments = ", ".join(f"{name} = ?" for name in columns)
    store.run(
        f"update entities set {assignments} where workspace = ? and kind = ? and id = ?",  # noqa: S608 - our own names
        *columns.values(),
        workspace,
        kind,
        fields["id"],
    )
    return fields


def delete(store: Store, workspace: str, kind: str, identity: str) -> None:
    """Forget a thing."""
    store.run("delete from entities where workspace = ? and kind = ? and id = ?", workspace, kind, identity)


def shown(fields: Object) -> Object:
    """Return a thing as live answers show it: without nulls and without the simulator's own keys."""
    return {key: value for key, value in fields.items() if value is not None and not key.startswith("_")}
