"""What the documents name is there, and what they list is whole and in order."""

import re

import pytest

from api.tasks import LANE
from tests.architecture.source import ROOMS, ROOT, subjects

ARCHITECTURE = "docs/architecture.md"
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
DOCUMENTS = [
    name for name in ("README.md", "CONTRIBUTING.md", "supabase/CONVENTIONS.md", *PAGES) if (ROOT / name).exists()
]
NAMED = re.compile(r"`((?:api|providers|supabase|tests|docs)/[^`\s]*)`")
# `<name>` and `*` stand for any, and `notes` is the subject with which CONTRIBUTING.md shows how one is added.
INVENTED = re.compile(r"[<*]|\bnotes\b")
# A line of the tree: one name or several, a blank between them, and behind two blanks what they are for.
ENTRY = re.compile(r"(?P<indent>(?:  )*)(?P<names>[^ ]+(?: [^ ]+)*)(?:  .*)?")
STEP = re.compile(r"^(\d+)\. `(\w+)`", re.MULTILINE)


def text(name: str) -> str:
    """Return a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(heading: str) -> str:
    """Return what stands under a heading of the architecture, up to the next one."""
    _, found, rest = text(ARCHITECTURE).partition(f"# {heading}\n")
    assert found, heading
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tree() -> set[str]:
    """Return every path that the tree of the architecture names; a folder's ends with a slash."""
    above: list[str] = []
    paths: set[str] = set()
    for line in section("The tree").split("```")[1].strip("\n").splitlines():
        entry = ENTRY.fullmatch(line)
        assert entry, line
        above = above[: len(entry["indent"]) // 2]
        names = entry["names"].split(" ")
        paths |= {"".join([*above, name]) for name in names}
        above.append(names[-1])
    return paths


def missing(paths: set[str]) -> list[str]:
    """Return the paths that lead nowhere."""
    return sorted(path for path in paths if not INVENTED.search(path) and not (ROOT / path).exists())


def test_the_steps_of_a_lane_are_listed_in_their_order() -> None:
    shown = [(int(number), name) for number, name in STEP.findall(section("The steps of a lane"))]
    assert shown == list(enumerate((step.run.__name__ for step in LANE), start=1))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_document_names_is_there(name: str) -> None:
    assert missing(set(NAMED.findall(text(name)))) == []


def test_the_documents_name_paths() -> None:
    assert {ARCHITECTURE, "README.md", "supabase/CONVENTIONS.md"} <= set(DOCUMENTS)
    assert len(NAMED.findall(text(ARCHITECTURE))) > 15


def test_everything_in_the_tree_is_there() -> None:
    assert missing(tree()) == []
    assert {"api/http/openapi/", "providers/simulators/kit/", "supabase/policies/subjects/<subject>.sql"} <= tree()


def test_the_tree_names_every_room_of_the_api() -> None:
    """Subjects are all alike: which there are, the folders say."""
    named = {path for path in tree() if re.fullmatch(r"api/\w+/", path)}
    assert {f"api/{room}/" for room in ROOMS} <= named
    assert named <= {f"api/{name}/" for name in (*ROOMS, *subjects())}


def test_the_tree_names_every_page_that_all_subjects_share() -> None:
    pages = {f"supabase/policies/{path.name}" for path in (ROOT / "supabase" / "policies").glob("*.sql")}
    assert {path for path in tree() if re.fullmatch(r"supabase/policies/[^/]+\.sql", path)} == pages


def test_the_tree_names_every_file_at_the_root_of_the_api() -> None:
    files = {f"api/{path.name}" for path in (ROOT / "api").iterdir() if path.is_file() and path.stat().st_size}
    assert {path for path in tree() if re.fullmatch(r"api/[^/]+", path)} == files
