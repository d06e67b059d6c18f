"""docs/SCHEMA.md says what the migrations make, no more and no less."""

import difflib
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.dev.schema_doc import render

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "SCHEMA.md"
AGAIN = "make schema"


def test_the_schema_document_is_what_the_database_is(postgresql: psycopg.Connection[Any]) -> None:
    wanted, written = render(postgresql), DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    if wanted != written:
        lines = difflib.unified_diff(written.splitlines(), wanted.splitlines(), "docs/SCHEMA.md", "the database", n=0)
        shown = "\n".join(islice(lines, 40))
        pytest.fail(f"docs/SCHEMA.md is stale; {AGAIN}\n{shown}", pytrace=False)


def test_the_schema_document_would_tell_of_a_table_without_a_forced_fence(
    postgresql: psycopg.Connection[Any],
) -> None:
    warning = "Row level security is not enabled and forced here"
    assert warning not in render(postgresql)
    postgresql.execute("create table outbound.open_to_all (id uuid primary key)")
    assert warning in render(postgresql)
