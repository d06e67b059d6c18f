"""The lint's rules about keys and columns: indexes and references ignore row level security, so they must not cross."""

from collections.abc import Iterator

from api.ops.isolation.catalog import COMPANY_ROLES, Catalog, ForeignKey, Relation, Unique, allowed

RULES = ("unique-key", "unique-live", "foreign-key", "moments", "uuid-key", "exception")

Broken = tuple[str, str, str, str]


def judge(catalog: Catalog) -> list[Broken]:
    """Return every broken rule about keys and columns."""
    return [
        *(broken for relation in catalog.relations.values() for broken in _judge_columns(relation)),
        *(broken for relation in catalog.tenant_relations for broken in _judge_uniques(catalog, relation)),
        *(broken for relation in catalog.tenant_relations for broken in _judge_references(catalog, relation)),
        *_judge_exceptions(catalog),
    ]


def _judge_columns(relation: Relation) -> Iterator[Broken]:
    table = f"outbound.{relation.name}"
    for name in ("created_at", "updated_at"):
        column = relation.columns.get(name)
        if column is None or not column.not_null or column.type != "timestamp with time zone":
            yield "moments", f"{table}.{name}", "is missing or may be null", "Add `timestamptz not null default now()`."
    if relation.name in allowed()["platform_tables"] and not relation.org_column:
        return
    counted = [name for name in relation.key if relation.columns[name].type != "uuid"]
    if counted or not relation.key:
        yield "uuid-key", table, f"has the key {relation.key}", "Use uuids: a number tells how many there are."
    for name in ("org_id",) if relation.org_column == "org_id" else ():
        if not relation.columns[name].not_null:
            yield "moments", f"{table}.{name}", "may be null", "Make it not null."


def _is_key_target(unique: Unique) -> bool:
    return unique.primary or unique.columns == ("org_id", "company_id", "id")


def leading(relation: Relation) -> tuple[str, ...]:
    """Return the columns that must lead every unique index of a table."""
    return ("org_id", "company_id") if relation.company_column == "company_id" else ("org_id",)


def is_led(unique: Unique, relation: Relation) -> bool:
    """Whether a unique index cannot tell one tenant of another's row."""
    lead = leading(relation)
    return unique.columns[: len(lead)] == lead or (unique.primary and unique.columns == ("org_id", "id"))


def _judge_uniques(catalog: Catalog, relation: Relation) -> Iterator[Broken]:
    exceptions = allowed()["unique_exceptions"]
    for unique in relation.uniques:
        where = f"outbound.{relation.name} {unique.name}"
        if unique.name in exceptions:
            if unique.primary or unique.name in allowed()["guarded_exceptions"]:
                continue
            if not (writers := _writers(catalog, relation, unique)):
                continue
            yield "unique-key", where, f"{', '.join(writers)} may write its columns", "Revoke that; it is an exception."
        elif not is_led(unique, relation):
            yield "unique-key", where, f"is led by {unique.columns[:2]}", f"Begin it with {leading(relation)}."
        if (
            "deleted_at" in relation.columns
            and not _is_key_target(unique)
            and "deleted_at IS NULL" not in (unique.predicate or "")
        ):
            yield "unique-live", where, "counts soft-deleted rows", "Add `where deleted_at is null`."


def _writers(catalog: Catalog, relation: Relation, unique: Unique) -> list[str]:
    """Return who could use an excepted index to ask: company roles, or for the tenant itself any role."""
    roles = COMPANY_ROLES if "org_id" in unique.columns else ("outbound_org", *COMPANY_ROLES, "outbound_worker")
    named = {name for column in unique.columns for name in (column, *relation.columns[column].sources)}
    return _granted(catalog, relation, named, roles)


def _granted(catalog: Catalog, relation: Relation, columns: set[str], roles: tuple[str, ...]) -> list[str]:
    return [
        role
        for role in roles
        if any(columns & set(catalog.granted(role, relation, verb)) for verb in ("insert", "update"))
    ]


def _judge_references(catalog: Catalog, relation: Relation) -> Iterator[Broken]:
    exceptions = allowed()["foreign_key_exceptions"]
    for key in relation.foreign_keys:
        parent = catalog.relations[key.parent]
        wanted = _wanted_lead(relation, parent)
        if not wanted or _leads(key, wanted):
            continue
        where = f"outbound.{relation.name} {key.name}"
        if key.name in exceptions:
            named = set(key.columns) - {"org_id", "company_id"}
            if writers := _granted(catalog, relation, named, COMPANY_ROLES):
                text = f"is an exception, and {', '.join(writers)} may write its columns"
                yield "foreign-key", where, text, "Revoke that, or drop the shorter key: its name would tell."
        else:
            yield "foreign-key", where, f"is led by {key.columns[:2]}", f"Begin both sides with {wanted}."


def _wanted_lead(relation: Relation, parent: Relation) -> tuple[str, ...]:
    if parent.org_column is None or parent.org_column == "id":
        return ()
    if relation.company_column == "company_id" and parent.company_column == "company_id":
        return ("org_id", "company_id")
    return ("org_id",)


def _leads(key: ForeignKey, wanted: tuple[str, ...]) -> bool:
    return key.columns[: len(wanted)] == wanted and key.parent_columns[: len(wanted)] == wanted


def _judge_exceptions(catalog: Catalog) -> Iterator[Broken]:
    names = {unique.name for relation in catalog.relations.values() for unique in relation.uniques}
    names |= {key.name for relation in catalog.relations.values() for key in relation.foreign_keys}
    for kind in ("unique_exceptions", "foreign_key_exceptions"):
        for name in allowed()[kind].keys() - names:
            yield "exception", name, f"is listed under {kind} and does not exist", "Take it out of allowed.json."
    for name in allowed()["platform_tables"].keys() - catalog.relations.keys():
        yield "exception", name, "is listed under platform_tables and does not exist", "Take it out of allowed.json."
