"""The proof inside functions: definers, the doors of logging in, own writes, walls, and dead credentials, on one stage.

What a definer or a trigger does is not in its name and owner. In the end each must have been called.
"""

from collections.abc import Callable, Sequence

from api.ops.isolation.actors import Cast, Place
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attackers import Arena
from api.ops.isolation.catalog import Catalog, Connection, ask
from api.ops.isolation.census import SQL
from api.ops.isolation.dashboards import Dashboards
from api.ops.isolation.dead import Dead
from api.ops.isolation.definers import Definers
from api.ops.isolation.functions import Function, read_functions
from api.ops.isolation.neighbours import Neighbours
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage, stage
from api.ops.isolation.targets import Rows
from api.ops.isolation.tickets import Signed
from api.ops.isolation.timing import timed
from api.ops.isolation.walls import Walls
from api.ops.isolation.writes import Writes

Part = Callable[[Stage, Arguments, Section, Sequence[Function]], object]
PARTS: dict[str, Part] = {
    "arguments": lambda on, arguments, section, functions: Definers(on, arguments, section).run(functions),
    "writes": lambda on, arguments, section, _: Writes(on, arguments, section).run(arguments.catalog.tenant_relations),
    "walls": lambda on, arguments, section, _: [each(on, arguments, section).run() for each in (Walls, Neighbours)],
    "tickets": lambda on, arguments, section, _: Signed(on, arguments, section).run(),
    "doors": lambda on, arguments, section, _: Dead(on, arguments, section).run(),
    "dashboards": lambda on, arguments, section, _: Dashboards(on, arguments, section).run(),
}
TITLES = {
    "arguments": "Definers, with every id of others",
    "writes": "Own writes, and a census of the others",
    "walls": "Walls before own writes",
    "tickets": "Doors that take a document",
    "doors": "Dead credentials and retired keys",
    "dashboards": "Dashboards, and what PostgREST could claim",
}


def inside_sections(admin: Connection, place: Place, cast: Cast, catalog: Catalog, rows: Rows) -> list[Section]:
    """Run every part in one transaction of a superuser's that is undone, and find what was never called."""
    functions = read_functions(admin)
    sections: list[Section] = []
    with stage(admin, place, cast) as made:
        admin.execute(b"set local track_functions = 'all'")
        for name, part in PARTS.items():
            with timed(Section(TITLES[name])) as section:
                part(made, Arguments(catalog, rows, cast), section, functions)
            sections.append(section)
        with made.behind() as conn:
            called = {row["name"] for row in ask(conn, SQL.called_functions)}
    for function in functions:
        if (function.definer or function.of_trigger) and function.name not in called:
            sections[0].fail(
                function.name, f"{function.name} was never called: nothing of it is proven", "failed positives"
            )
    return sections


def answers_section(arena: Arena, catalog: Catalog, rows: Rows, functions: Sequence[Function]) -> Section:
    """Compare the definers' answers alone, as can be done anywhere."""
    with timed(Section("Definers, with ids of others")) as section:
        Definers(arena, Arguments(catalog, rows, arena.cast), section).run(functions)
    return section
