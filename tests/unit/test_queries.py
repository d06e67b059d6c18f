"""The loader of named SQL."""

from pathlib import Path

import pytest

from api.db.queries import beside, load

GOOD = """-- name: get_thing :one
-- Returns a thing.
-- In two lines.
select t.id
from things as t
where t.id = %(id)s;

-- name: drop_things_2 :exec
-- Takes all away.
delete from things -- not a header
where 'a;b' <> '';
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "queries.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_statements_are_found_by_name_with_their_shape_and_sentence(tmp_path: Path) -> None:
    queries = load(written(tmp_path, GOOD))
    assert list(queries.statements) == ["get_thing", "drop_things_2"]
    assert (queries.get_thing.shape, queries.drop_things_2.shape) == ("one", "exec")
    assert queries.get_thing.about == "Returns a thing. In two lines."


def test_the_last_semicolon_is_taken_off_and_nothing_else(tmp_path: Path) -> None:
    queries = load(written(tmp_path, GOOD))
    assert queries.get_thing.sql == b"select t.id\nfrom things as t\nwhere t.id = %(id)s"
    assert queries.drop_things_2.sql == b"delete from things -- not a header\nwhere 'a;b' <> ''"


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert load(path) is load(path)


def test_an_unknown_name_is_an_attribute_error_that_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(AttributeError, match=r"queries\.sql has no query named get_thin$"):
        _ = load(path).get_thin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1;",
        "select 1;\n" + GOOD,
        GOOD + GOOD,
        "-- name: bare :one\nselect 1;",
        "-- name: shapeless\n-- Says nothing.\nselect 1;",
        "-- name: odd :some\n-- Says something.\nselect 1;",
        "-- name: Upper :one\n-- Says something.\nselect 1;",
        "-- name: hollow :one\n-- Says something.\n",
        "-- name: hollow :one\n-- Says something.\n;\n",
    ],
)
def test_what_does_not_parse_is_a_value_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"queries\.sql"):
        load(written(tmp_path, text))


@pytest.mark.parametrize(
    "header", ["-- name: late :one", "--name: late :one\n-- Says.", "-- name: late :onee\n-- Says."]
)
def test_a_misspelt_header_is_not_swallowed_by_the_statement_before_it(tmp_path: Path, header: str) -> None:
    with pytest.raises(ValueError, match="late"):
        load(written(tmp_path, f"{GOOD}\n{header}\nselect 2;\n"))


def test_the_queries_beside_a_module_are_found() -> None:
    import api.leads.routes as module  # noqa: PLC0415

    assert beside(module.__file__).get_enrolment.shape == "one"
