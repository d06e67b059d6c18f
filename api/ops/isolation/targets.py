"""What is aimed at: sampled rows of each tenant, and the columns that a role may name in each mode."""

from dataclasses import dataclass, field
from uuid import uuid4

from api.ops.isolation.actors import OWNER, Cast, Tenant, become_owner
from api.ops.isolation.attackers import Attacker
from api.ops.isolation.attempts import attempt
from api.ops.isolation.catalog import Catalog, Connection, Relation
from api.ops.isolation.statements import Target, Values, sample


@dataclass
class Rows:
    """One row of each table and tenant, as its owner sees it; `missing` names what has none."""

    rows: dict[tuple[str, str], Values] = field(default_factory=dict[tuple[str, str], Values])
    missing: list[str] = field(default_factory=list[str])

    def of(self, relation: Relation, tenant: Tenant) -> Values | None:
        """Return a tenant's row."""
        return self.rows.get((relation.name, tenant.name))


def sample_rows(conn: Connection, catalog: Catalog, cast: Cast) -> Rows:
    """Look for a row of every tenant table in every tenant, as the owner inside each tenant's context."""
    found = Rows()
    for tenant in cast.tenants:
        with conn.transaction(force_rollback=True):
            become_owner(conn, tenant)
            for relation in catalog.tenant_relations:
                row = _sample(conn, relation, tenant)
                if row is None:
                    found.missing.append(f"{relation.name} has no row of {tenant.name}")
                else:
                    found.rows[relation.name, tenant.name] = row
    return found


def _sample(conn: Connection, relation: Relation, tenant: Tenant) -> Values | None:
    owners: Values = {str(relation.org_column): tenant.org_id}
    if relation.company_column and tenant.company_id:
        owners[relation.company_column] = tenant.company_id
    outcome = attempt(conn, sample(relation, owners))
    return outcome.rows[0][0] if outcome.rows else None


@dataclass(frozen=True)
class Aim:
    """How an attacker may name things on a table. `wide` is a database in which every role was granted everything."""

    catalog: Catalog
    attacker: Attacker
    relation: Relation
    wide: bool

    def holds(self, verb: str) -> list[str]:
        """Return the columns on which the attacker's role holds a privilege."""
        if self.wide or self.attacker.tier == OWNER:
            return list(self.relation.columns)
        return self.catalog.granted(f"outbound_{self.attacker.tier}", self.relation, verb)

    def shown(self) -> list[str]:
        """Return the columns to read: those that say whose a row is, as far as they may be read."""
        readable = self.holds("select")
        owners = [column for column in self.relation.owner_columns if column in readable]
        return owners or readable[:1] or self.relation.owner_columns

    def written(self) -> list[str]:
        """Return the columns that an insert names."""
        granted = [column for column in self.holds("insert") if column in self.relation.plain_columns]
        return granted or self.relation.plain_columns

    def changed(self) -> str:
        """Return the column that an update writes."""
        granted = [column for column in self.holds("update") if column in self.relation.plain_columns]
        both = [column for column in granted if column in self.holds("select")]
        if self.wide or self.attacker.tier == OWNER or not granted:
            return "created_at"
        return (both or granted)[0]

    def at(self, row: Values) -> Target:
        """Return the target that a row is."""
        return Target(self.relation, row, self.shown(), self.written(), self.changed())

    def can(self, verb: str) -> bool:
        """Whether the role holds what a verb of the matrix needs, so that it must succeed on its own row."""
        reads = set(self.holds("select")) >= {*self.relation.key, *self.shown()}
        if verb.startswith("insert"):
            return bool(self.holds("insert")) and (verb == "insert" or reads)
        needs = {
            "select by id": (), "select all": (), "copy to": (), "select for update": ("update",),
            "update": ("update",), "merge": ("update",), "delete": ("delete",),
            "on conflict do nothing": ("insert",), "on conflict do update": ("insert", "update"),
        }[verb]  # fmt: skip
        changes = "update" not in needs or self.changed() in self.holds("select")
        return reads and changes and all(self.holds(need) for need in needs)


def renewed(aim: Aim, row: Values) -> Values:
    """Return a row under a fresh id, unless its id says whose it is."""
    relation, bound_to_company = aim.relation, aim.attacker.tier == "company"
    if "id" not in relation.columns or relation.org_column == "id":
        return row
    if bound_to_company and relation.company_column == "id":
        return row
    return {**row, "id": str(uuid4())}
