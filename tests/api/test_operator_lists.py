"""The operator's own do-not-contact list, and keys that are folded anew: both from a shell, as operators do it."""

import os
import subprocess
import sys

import pytest

from tests.engine import Company, Engine, add_leads, addresses, draft


@pytest.fixture
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


def outbound(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **engine.folder.environment()}
    command = [sys.executable, "-m", "api.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


def mark() -> str:
    return addresses(1)[0].split(".")[1].split("@")[0]


def results(company: Company, *emails: str) -> list[str]:
    return [row["result"] for row in add_leads(company, draft(company), list(emails))["results"]]


def test_the_operators_list_binds_every_company_and_is_widened_and_lifted(engine: Engine, company: Company) -> None:
    word = mark()
    assert (
        outbound(engine, "suppress", "add", f"wid@{word}.example", f"*.sub.{word}.example").stdout
        == "2 added, 0 known\n"
    )
    listed = (f"wid@{word}.example", f"a@x.sub.{word}.example", f"wid+1@{word}.example")
    assert results(company, *listed) == ["suppressed", "suppressed", "added"]
    wider = outbound(engine, "suppress", "add", "--plus-tags", f"wid@{word}.example")
    assert wider.stdout == "0 added, 1 known\n"
    assert results(company, f"wid+2@{word}.example") == ["suppressed"]
    assert f"wid@{word}.example" in outbound(engine, "suppress", "list").stdout
    assert company.api.get("/v1/suppressions").json()["data"] == []
    assert outbound(engine, "suppress", "remove", f"wid@{word}.example").stdout == "removed\n"
    assert outbound(engine, "suppress", "remove", f"wid@{word}.example").returncode == 1
    assert results(company, f"wid@{word}.example") == ["added"]
    refused = outbound(engine, "suppress", "add", "co.uk")
    assert (refused.returncode, "name a domain below it" in refused.stderr) == (1, True)


def test_the_platforms_list_is_folded_anew_too(engine: Engine) -> None:
    word = mark()
    outbound(engine, "suppress", "add", f"jo@{word}.example", f"{word}.example")
    with engine.sql() as sql:
        older = "update outbound.platform_suppressions set value_key = 'older.' || value_key where value = %s"
        sql.execute(older, [f"{word}.example"])
        assert " 1 would change" in outbound(engine, "refold", "--check").stdout
        assert outbound(engine, "refold").returncode == 0
        ask = "select value_key from outbound.platform_suppressions where value like %s"
        kept = {row["value_key"] for row in sql.execute(ask, [f"%{word}.example"])}
    assert kept == {f"jo@{word}.example", f"{word}.example"}
    for value in kept:
        assert outbound(engine, "suppress", "remove", value).stdout == "removed\n"


def test_keys_of_another_version_are_found_and_folded_anew(engine: Engine, company: Company) -> None:
    word = mark()
    first, second = f"first@{word}.example", f"second@{word}.example"
    add_leads(company, draft(company), [first, second])
    older = "update outbound.leads set email_key = %s, domain_key = %s where company_id = %s and email = %s"
    domain = f"{word}.example"
    with engine.sql() as sql:
        sql.execute(older, [f"older@{domain}", domain, company.id, first])
        assert "keys of another version" in outbound(engine, "doctor").stdout
        assert " 1 would change" in outbound(engine, "refold", "--check").stdout
        assert outbound(engine, "refold").returncode == 0
        ask = "select email_key from outbound.leads where company_id = %s order by email"
        assert [row["email_key"] for row in sql.execute(ask, [company.id])] == [first, second]
        # One that is spelt as another now: both stay, and it is named.
        sql.execute(
            "update outbound.leads set email = %s where company_id = %s and email = %s", [first, company.id, second]
        )
        again = outbound(engine, "refold")
        assert (again.returncode, "spelt as another" in again.stderr) == (1, True)
        assert {row["email_key"] for row in sql.execute(ask, [company.id])} == {first, second}
        sql.execute("update outbound.leads set email = email_key where company_id = %s", [company.id])
