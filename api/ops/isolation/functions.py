"""The lint's rules about what functions say: whose rows they take, that their text is the one that was read, triggers.

A definer runs as its owner, which the company fence does not bind, so its text is what holds companies apart.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.db.queries import Query, beside
from api.ops.isolation.catalog import Connection, allowed, ask

SQL = beside(__file__, "functions.sql")
RULES = ("definer", "function-text", "function-use", "function-probe", "trigger")
PROBES = ("arguments", "tickets", "writes", "walls", "doors", "contexts", "dashboards")
PINNED = ("search_path=pg_catalog, pg_temp", "search_path=pg_catalog, jobs, pg_temp")
COMMENT = re.compile(r"--[^\n]*")
CALL = re.compile(r"\b((?:outbound|ctx|jobs)\.\w+)\s*\(")
TABLE = re.compile(r"\b(?:from|join|update|into|using)\s+(?:outbound|ctx|jobs)\.[\w%]", re.IGNORECASE)
READS_NO_ROW = {"ctx.org_id", "ctx.company_id", "ctx.scope"}
SCOPE = (re.compile(r"\bfrom ctx\.scope\(\) as (\w+)"), re.compile(r"\binto (\w+)\s+from ctx\.scope\(\)"))
OWN_COMPANY = re.compile(r"\.tier = 'company'\s+then\s+(?:company := )?\w+\.company_id")
RENEW = "Read it, then write the new entry as `python -m api.dev.allowed` prints it."

Broken = tuple[str, str, str, str]


@dataclass(frozen=True)
class Function:
    """One function of ours, as the catalog has it; `arguments` are name and type of each parameter."""

    name: str
    called: str
    definer: bool
    of_trigger: bool
    body: str
    sha256: str
    owner: str
    search_path: str
    grantees: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Its text without comments."""
        return COMMENT.sub("", self.body)


def rules() -> list[tuple[str, Query, str, bool]]:
    """Return name, query and advice of the rules that need nothing but a query, and whether they only warn."""
    return [("key-trigger", SQL.silenced_keys, "Enable them: alter table … enable trigger all.", False)]


def read_functions(conn: Connection) -> list[Function]:
    """Read every function of ours, but the queue's own."""
    made: list[Function] = []
    for row in ask(conn, SQL.functions):
        names, types = row.pop("argument_names"), row.pop("argument_types")
        named = [*names, *[""] * (len(types) - len(names))]
        row["grantees"] = tuple(row["grantees"])
        made.append(Function(arguments=tuple(zip(named, types, strict=True)), **row))
    return made


def listed(functions: Sequence[Function], triggers: Sequence[Mapping[str, Any]]) -> list[Function]:
    """Return those whose text is written down: definers, functions of triggers, and all that these lean on."""
    of_triggers = {row["function"] for row in triggers}
    chosen = {each.name: each for each in functions if each.definer or each.of_trigger or each.name in of_triggers}
    waiting = list(chosen.values())
    while waiting:
        called = set(CALL.findall(waiting.pop().text))
        for each in functions:
            if each.called in called and each.name not in chosen:
                chosen[each.name] = each
                waiting.append(each)
    return sorted(chosen.values(), key=lambda each: each.name)


def use_of(function: Function) -> str | None:
    """Return how a definer is kept to its tenant, as far as its text can tell; None where the list has to say it."""
    text = function.text
    if function.of_trigger:
        own = all(re.search(rf"\b(new|old)\.{column}\b", text) for column in ("org_id", "company_id"))
        touches = TABLE.search(text) or set(CALL.findall(text)) - READS_NO_ROW
        return "its own row's organization and company" if own or not touches else None
    if ("ticket", "text") in function.arguments and re.search(r"ctx\.ticket_(subject|document)\(ticket\b", text):
        return "a ticket that our own processes sign"
    names = {name for pattern in SCOPE for name in pattern.findall(text)}
    if "outbound_company" in function.grantees:
        compared = any(re.search(rf"\b{name}\.company_id\b", text) for name in names)
        named = ("company", "uuid") in function.arguments
        return "the context's company" if compared and (not named or OWN_COMPANY.search(text)) else None
    fenced = "ctx.org_id()" in text or any(re.search(rf"\b{name}\.org_id\b", text) for name in names)
    return "the context's organization" if function.grantees and fenced else None


def judge(conn: Connection) -> list[Broken]:
    """Return every broken rule about functions and triggers."""
    triggers = ask(conn, SQL.triggers)
    functions = listed(read_functions(conn), triggers)
    return [*judge_functions(functions, allowed()["functions"]), *judge_triggers(triggers, allowed()["triggers"])]


def judge_functions(functions: Sequence[Function], known: Mapping[str, Mapping[str, Any]]) -> Iterator[Broken]:
    """Compare the functions with the written list."""
    for name in sorted(known.keys() - {each.name for each in functions}):
        yield "definer", name, "is listed and does not exist", "Take it out of the list."
    for function in functions:
        entry = known.get(function.name)
        if entry is None:
            advice = (
                "Make it an invoker's function that no definer needs, or list it in api/ops/isolation/allowed.json."
            )
            yield "definer", function.name, f"runs as {function.owner} and is not listed", advice
            continue
        yield from _judge_entry(function, entry)


def _judge_entry(function: Function, entry: Mapping[str, Any]) -> Iterator[Broken]:
    name, grantees = function.name, list(function.grantees)
    if function.owner != "outbound_owner" or grantees != sorted(entry["grantees"]):
        text = f"is {function.owner}'s, for {grantees}; listed is {entry['grantees']}"
        yield "definer", name, text, "Change 30_doors.sql or api/ops/isolation/allowed.json."
    if function.definer and function.search_path not in PINNED:
        yield "definer", name, "has no pinned search_path", "Add `set search_path = pg_catalog, pg_temp`."
    if function.sha256 != entry["sha256"]:
        yield "function-text", name, "is not the text that is written down", RENEW
    if function.definer and use_of(function) is None and not entry.get("why"):
        advice = "Take the company from ctx.scope(), or write `why` it is safe into api/ops/isolation/allowed.json."
        yield "function-use", name, "does not take its tenant from the context, a ticket or its own row", advice
    if entry.get("probe") not in PROBES:
        yield "function-probe", name, f"is probed by {entry.get('probe')!r}", f"Name one of {', '.join(PROBES)}."


def judge_triggers(rows: Sequence[Mapping[str, Any]], known: Mapping[str, Mapping[str, str]]) -> Iterator[Broken]:
    """Compare the triggers with the written list, by table and name."""
    found = {(row["relation"], row["name"]): row for row in rows}
    wanted = {(relation, name): text for relation, named in known.items() for name, text in named.items()}
    for relation, name in sorted(wanted.keys() - found.keys()):
        yield (
            "trigger",
            f"{relation} {name}",
            "is listed and does not exist",
            "Run outbound migrate: it makes it again.",
        )
    for (relation, name), row in sorted(found.items()):
        where = f"{relation} {name}"
        if (relation, name) not in wanted:
            yield "trigger", where, f"runs {row['function']} and is not listed", RENEW
        elif row["definition"] != wanted[relation, name]:
            yield "trigger", where, f"fires {row['definition']}; listed is {wanted[relation, name]}", RENEW
        if row["enabled"] != "O":
            yield "trigger", where, f"does not fire as it should ({row['enabled']})", "alter table … enable trigger."
