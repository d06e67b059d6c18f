"""A worker may end at any row of a long list: every row is added once, and what is kept of lists is sealed."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from api.access.vault import SealedField, Vault
from api.settings import generate_key, parse_keys
from tests.engine import Company, Engine, addresses, draft, wait_for

ROWS = 12_000
KILLS = (0.1, 0.4, 0.7)


@pytest.fixture(scope="module")
def own(workplace: Path) -> Iterator[Engine]:
    """An engine of this file's own: its processes are killed."""
    running = Engine.start(workplace / "importing")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def company(own: Engine) -> Company:
    return own.new_organization().connected_company()


def send(company: Company, content: bytes, campaign: str) -> str:
    params, headers = {"kind": "leads", "campaign_id": campaign}, {"Content-Type": "text/csv"}
    answer = company.api.post("/v1/imports", content=content, params=params, headers=headers)
    return str(answer.raise_for_status().json()["id"])


def test_a_killed_worker_loses_no_row_and_adds_none_twice(own: Engine, company: Company) -> None:
    known, campaign = addresses(ROWS), draft(company)
    # Notes of several lines: a place between two records is not always one between two lines.
    rows = [f'{email},"a note\nof ""two"" lines"\n' for email in known]
    imported = send(company, ("email,note\n" + "".join(rows)).encode(), campaign)
    for share in KILLS:

        def is_there(share: float = share) -> bool:
            return company.api.get(f"/v1/imports/{imported}").json()["progress"] >= share

        wait_for("the next rows", is_there)
        own.kill("worker")
    wait_for("the end", lambda: company.api.get(f"/v1/imports/{imported}").json()["finished_at"])
    shown = company.api.get(f"/v1/imports/{imported}").json()
    assert (shown["state"], shown["counts"]["received"], shown["counts"]["added"]) == ("completed", ROWS, ROWS)
    text = company.api.get(f"/v1/imports/{imported}/results").text
    results = list(csv.DictReader(io.StringIO(text)))
    assert [row["index"] for row in results] == [str(number) for number in range(ROWS)]
    assert [row["email"] for row in results] == known
    assert len({row["lead_id"] for row in results}) == ROWS
    with own.sql() as sql:
        for table in ("leads", "campaign_leads"):
            assert sql.execute(f"select from outbound.{table} where company_id = %s", [company.id]).rowcount == ROWS
        assert sql.execute("select from outbound.import_chunks").rowcount == 0


def test_a_companys_lists_are_read_one_after_the_other(own: Engine, company: Company) -> None:
    campaign = draft(company)
    lists = [send(company, ("email\n" + "\n".join(addresses(3000))).encode(), campaign) for _ in range(4)]
    wait_for("the last one", lambda: company.api.get(f"/v1/imports/{lists[-1]}").json()["finished_at"])
    shown = [company.api.get(f"/v1/imports/{each}").json() for each in lists]
    assert [each["counts"]["added"] for each in shown] == [3000] * 4
    for before, after in pairwise(shown):
        assert before["finished_at"] <= after["started_at"]


def test_what_is_kept_of_lists_is_sealed_anew_with_everything_else(own: Engine, company: Company) -> None:
    """The last one: the engine's processes do not know the new key."""
    email, campaign = addresses(1)[0], draft(company)
    imported = send(company, f"email\n{email}\n".encode(), campaign)
    wait_for("the end", lambda: company.api.get(f"/v1/imports/{imported}").json()["finished_at"])
    environment = own.folder.environment()
    fresh = generate_key("k2")
    environment["OUTBOUND_ENCRYPTION_KEYS"] = f"{fresh},{environment['OUTBOUND_ENCRYPTION_KEYS']}"
    command = [sys.executable, "-m", "api.cli", "keys", "rotate", "credential"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "under k2" in done.stdout
    vault = Vault(pepper=b"-", encryption_keys=parse_keys(fresh))
    with own.sql() as sql:
        rows = sql.execute("select org_id, id, import_id, body from outbound.import_results").fetchall()
    assert UUID(imported) in {row["import_id"] for row in rows}
    for row in rows:
        assert email.encode() not in row["body"]
        vault.unseal(row["body"], SealedField(row["org_id"], "import_results", "body", row["id"]))
