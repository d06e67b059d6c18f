"""Prints what the proof's written lists would be if the schema were right as it is, to be read and then kept.

`python -m api.dev.allowed` prints `allowed.json`, `python -m api.dev.allowed rights` prints `rights.json`. A function
whose text has changed comes without the name of its probe, which is written again by hand once the text was read; the
lint is red until then. `--database-url URL` reads a database; without it one is made and thrown away.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

import psycopg

from api.dev.schema_doc import Connection, from_scratch
from api.ops.isolation import functions, grants
from api.ops.isolation.catalog import REQUEST_ROLES, allowed, ask
from api.ops.isolation.functions import Function, listed, read_functions


def functions_and_triggers(conn: Connection) -> str:
    """Return `allowed.json` with the functions and triggers that this database has."""
    triggers = ask(conn, functions.SQL.triggers)
    known: Mapping[str, Mapping[str, Any]] = allowed()["functions"]
    found = {each.name: _entry(each, known.get(each.name, {})) for each in listed(read_functions(conn), triggers)}
    fires: dict[str, dict[str, str]] = {}
    for row in triggers:
        fires.setdefault(row["relation"], {})[row["name"]] = row["definition"]
    return _written({**allowed(), "functions": found, "triggers": fires})


def _entry(function: Function, known: Mapping[str, Any]) -> dict[str, Any]:
    kept = {word: known[word] for word in ("why", "every", "moves") if word in known}
    same = known.get("sha256") == function.sha256
    probe = known.get("probe", "") if same else ""
    return {"grantees": list(function.grantees), "sha256": function.sha256, "probe": probe, **kept}


def rights(conn: Connection) -> str:
    """Return `rights.json` as this database has it."""
    made: dict[str, dict[str, dict[str, str]]] = {}
    for row in ask(conn, grants.SQL.rights, {"roles": list(REQUEST_ROLES)}):
        made.setdefault(row["relation"], {}).setdefault(row["role"], {})[row["verb"]] = row["columns"]
    return _written(made)


def _written(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Print one of the two lists, of a database or of a fresh one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("allowed", "rights"), default="allowed")
    parser.add_argument("--database-url", help="A migrated database; without it one is made and thrown away.")
    given = parser.parse_args()
    written = rights if given.what == "rights" else functions_and_triggers
    if given.database_url is None:
        sys.stdout.write(from_scratch(written))
        return
    with psycopg.connect(given.database_url) as conn:
        sys.stdout.write(written(conn))


if __name__ == "__main__":
    main()
