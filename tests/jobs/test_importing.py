"""A worker may end at any row of a long list: every row is added once, and what is kept of lists is sealed."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.access.vault import SealedField, Vault
from api.settings import generate_key, parse_keys
from api.tables.table import WORKBOOK
from tests.api.answers import problem
from tests.engine import Company, Engine, addresses, draft, wait_for
from tests.support.workbooks import workbook

ROWS = 30_000
KILLS = (0.1, 0.35, 0.6)


@pytest.fixture(scope="module")
def own(workplace: Path) -> Iterator[Engine]:
    """An engine of this file's own: its processes are killed, and its lists change their turns each second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTBOUND_LANE_SECONDS", "1")
        patch.setenv("OUTBOUND_SWEEP_SECONDS", "2")
        running = Engine.start(workplace / "importing")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def company(own: Engine) -> Company:
    return own.new_organization().connected_company()


def send(company: Company, content: bytes, campaign: str, media_type: str = "text/csv") -> str:
    params, headers = {"kind": "leads", "campaign_id": campaign}, {"Content-Type": media_type}
    answer = company.api.post("/v1/imports", content=content, params=params, headers=headers)
    return str(answer.raise_for_status().json()["id"])


def shown(company: Company, imported: str) -> dict[str, Any]:
    return company.api.get(f"/v1/imports/{imported}").raise_for_status().json()


def ended(company: Company, imported: str) -> dict[str, Any]:
    wait_for("the end", lambda: shown(company, imported)["finished_at"])
    return shown(company, imported)


def results(company: Company, imported: str) -> list[dict[str, str]]:
    text = company.api.get(f"/v1/imports/{imported}/results").raise_for_status().text
    return list(csv.DictReader(io.StringIO(text)))


def pieces(engine: Engine, imported: str, *, of_lines: bool = False) -> int:
    with engine.sql() as sql:
        query = "select from outbound.import_chunks where import_id = %s and (is_unpacked or not %s)"
        return sql.execute(query, [imported, of_lines]).rowcount


def nothing_is_kept(engine: Engine, imported: str) -> None:
    wait_for("what was sent to go", lambda: pieces(engine, imported) == 0)


def test_a_killed_worker_loses_no_row_and_adds_none_twice(own: Engine, company: Company) -> None:
    known, campaign = addresses(ROWS), draft(company)
    # Notes of several lines: a place between two records is not always one between two lines.
    rows = [f'{email},"a note\nof ""two"" lines"\n' for email in known]
    imported = send(company, ("email,note\n" + "".join(rows)).encode(), campaign)
    for share in KILLS:

        def is_there(share: float = share) -> bool:
            return shown(company, imported)["progress"] >= share

        wait_for("the next rows", is_there)
        assert shown(company, imported)["state"] == "running", "it was over before it was killed"
        own.kill("worker")
    found = ended(company, imported)
    assert (found["state"], found["counts"]["received"], found["counts"]["added"]) == ("completed", ROWS, ROWS)
    listed = results(company, imported)
    assert [row["index"] for row in listed] == [str(number) for number in range(ROWS)]
    assert [row["email"] for row in listed] == known
    assert len({row["lead_id"] for row in listed}) == ROWS
    with own.sql() as sql:
        for table in ("leads", "campaign_leads"):
            assert sql.execute(f"select from outbound.{table} where company_id = %s", [company.id]).rowcount == ROWS
    nothing_is_kept(own, imported)


def test_a_workbook_is_made_into_lines_again_after_a_kill(own: Engine, company: Company) -> None:
    known = addresses(ROWS)
    content = workbook(
        [["email", "note"], *([email, f"{number} {'word ' * 20}"] for number, email in enumerate(known))]
    )
    imported = send(company, content, draft(company), WORKBOOK)
    wait_for("some of the lines", lambda: pieces(own, imported, of_lines=True))
    assert shown(company, imported)["state"] == "queued"
    own.kill("worker")
    assert ended(company, imported)["counts"]["added"] == ROWS
    assert [row["email"] for row in results(company, imported)] == known
    nothing_is_kept(own, imported)


def test_a_companys_lists_are_read_one_after_the_other(company: Company) -> None:
    campaign = draft(company)
    lists = [send(company, ("email\n" + "\n".join(addresses(3000))).encode(), campaign) for _ in range(4)]
    found = [ended(company, each) for each in lists]
    assert [each["counts"]["added"] for each in found] == [3000] * 4
    for before, after in pairwise(found):
        assert before["finished_at"] <= after["started_at"]


def test_a_long_stretch_of_blank_rows_is_passed(company: Company) -> None:
    first, last = addresses(2)
    blank = b",,,,,,,,,\n" * 700_000
    imported = send(company, f"email,name\n{first},A\n".encode() + blank + f"{last},B\n".encode(), draft(company))
    found = ended(company, imported)
    assert (found["state"], found["reason"], found["counts"]["added"]) == ("completed", None, 2)
    assert [row["line"] for row in results(company, imported)] == ["2", "700003"]


def planted(engine: Engine, company: Company, content: bytes, **values: Any) -> str:
    """Put a list that waits into the database as it could stand there, and return its id."""
    imported, piece = str(uuid4()), uuid4()
    with engine.sql() as sql:
        row = sql.execute("select org_id from outbound.companies where id = %s", [company.id]).fetchone()
        assert row is not None
        columns = {
            "org_id": row["org_id"], "company_id": company.id, "id": imported, "kind": "leads", "name": "planted",
            "source": "planted", "campaign_id": draft(company), "media_type": "text/csv", "size": len(content),
            "chunks": 1, **values,
        }  # fmt: skip
        body = engine.vault.seal(content, SealedField(row["org_id"], "import_chunks", "body", piece))
        with sql.transaction():
            names = ", ".join(columns)
            marks = ", ".join(["%s"] * len(columns))
            sql.execute(f"insert into outbound.imports ({names}) values ({marks})", list(columns.values()))  # noqa: S608
            sql.execute(
                "insert into outbound.import_chunks (org_id, company_id, id, import_id, number, body)"
                " values (%s, %s, %s, %s, 0, %s)",
                [row["org_id"], company.id, piece, imported, body],
            )
    return imported


def test_no_more_than_a_million_rows_are_read(own: Engine, company: Company) -> None:
    content = ("email\n" + "\n".join(addresses(5))).encode()
    found = ended(company, planted(own, company, content, state="queued", rows_read=999_997))
    assert (found["state"], found["reason"], found["counts"]["received"]) == ("failed", "too_many_rows", 1_000_000)
    assert found["counts"]["added"] == 3


def test_a_list_that_nothing_comes_of_is_given_up(own: Engine, company: Company) -> None:
    imported = planted(own, company, b"email\nx@y.example\n", state="queued", attempts=20)
    found = ended(company, imported)
    assert (found["state"], found["reason"], found["counts"]["received"]) == ("failed", "internal_error", 0)
    nothing_is_kept(own, imported)


def test_a_missing_piece_is_not_read_over(own: Engine, company: Company) -> None:
    imported = planted(own, company, b"email\nx@y.example\n", state="queued", attempts=15, chunks=2, size=2**20 + 9)
    assert ended(company, imported)["reason"] == "internal_error"


def test_what_has_been_coming_for_too_long_is_taken_away_and_refused(own: Engine, company: Company) -> None:
    imported = planted(own, company, b"email\n", state="receiving", created_at="2026-01-01T00:00:00Z")
    with own.sql("worker") as sql:
        sql.execute("select ctx.tidy()")
    nothing_is_kept(own, imported)
    assert company.api.get(f"/v1/imports/{imported}").status_code == 404
    assert imported not in {each["id"] for each in company.api.get("/v1/imports", params={"limit": 200}).json()["data"]}


def test_results_are_kept_for_thirty_days(own: Engine, company: Company) -> None:
    imported = send(company, f"email\n{addresses(1)[0]}\n".encode(), draft(company))
    ended(company, imported)
    with own.sql() as sql:
        sql.execute("update outbound.imports set finished_at = now() - interval '31 days' where id = %s", [imported])
    problem(company.api.get(f"/v1/imports/{imported}/results"), 404, "results_expired")
    with own.sql("worker") as sql:
        sql.execute("select ctx.tidy()")
    with own.sql() as sql:
        assert sql.execute("select from outbound.import_results where import_id = %s", [imported]).rowcount == 0


def test_fifty_lists_of_a_company_wait_and_no_more(own: Engine) -> None:
    company = own.new_organization().connected_company()
    campaign = draft(company)
    waiting = [planted(own, company, b"email\n", state="receiving", campaign_id=campaign) for _ in range(50)]
    params = {"kind": "leads", "campaign_id": campaign}
    answer = company.api.post("/v1/imports", content=b"email\n", params=params, headers={"Content-Type": "text/csv"})
    problem(answer, 409, "too_many_imports")
    with own.sql() as sql:
        sql.execute(
            "update outbound.imports set state = 'abandoned', finished_at = now() where id = any(%s)", [waiting]
        )
    send(company, f"email\n{addresses(1)[0]}\n".encode(), campaign)


def test_a_campaign_that_is_gone_or_over_ends_a_list(own: Engine, company: Company) -> None:
    campaign = draft(company)
    imported = send(company, ("email\n" + "\n".join(addresses(20_000))).encode(), campaign)
    wait_for("the first rows", lambda: shown(company, imported)["counts"]["received"])
    company.api.post(f"/v1/campaigns/{campaign}/archive").raise_for_status()
    found = ended(company, imported)
    assert (found["state"], found["reason"]) == ("failed", "campaign_archived")
    assert 0 < found["counts"]["added"] < 20_000
    assert len(results(company, imported)) == found["counts"]["received"]


def test_a_deleted_company_leaves_nothing_of_its_lists(own: Engine) -> None:
    organization = own.new_organization()
    company = organization.connected_company()
    imported = send(company, ("email\n" + "\n".join(addresses(20_000))).encode(), draft(company))
    wait_for("the first rows", lambda: shown(company, imported)["counts"]["received"])
    organization.api.delete(f"/partner/v1/companies/{company.id}").raise_for_status()
    nothing_is_kept(own, imported)

    def is_gone() -> bool:
        with own.sql() as sql:
            kept = "select from outbound.import_results where import_id = %s"
            return sql.execute(kept, [imported]).rowcount == 0

    wait_for("the results to go", is_gone)


def test_what_is_kept_of_lists_is_sealed_anew_with_everything_else(own: Engine, company: Company) -> None:
    """The last one: the engine's processes do not know the new key."""
    email, campaign = addresses(1)[0], draft(company)
    imported = send(company, f"email\n{email}\n".encode(), campaign)
    ended(company, imported)
    waiting = planted(own, company, f"email\n{email}\n".encode(), state="receiving")
    environment = own.folder.environment()
    fresh = generate_key("k2")
    environment["OUTBOUND_ENCRYPTION_KEYS"] = f"{fresh},{environment['OUTBOUND_ENCRYPTION_KEYS']}"
    command = [sys.executable, "-m", "api.cli", "keys", "rotate", "credential"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "under k2" in done.stdout
    vault = Vault(pepper=b"-", encryption_keys=parse_keys(fresh))
    for table, of in (("import_results", imported), ("import_chunks", waiting)):
        with own.sql() as sql:
            rows = sql.execute(f"select org_id, id, import_id, body from outbound.{table}").fetchall()  # noqa: S608
        assert UUID(of) in {row["import_id"] for row in rows}
        for row in rows:
            assert email.encode() not in row["body"]
            vault.unseal(row["body"], SealedField(row["org_id"], table, "body", row["id"]))
