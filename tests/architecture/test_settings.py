"""`.env.example` and the settings say the same."""

import re

import pytest

from api.settings import MigrateSettings, Settings
from tests.architecture.source import ROOT

EXAMPLE = ROOT / ".env.example"
NAME = re.compile(r"^#?\s*(OUTBOUND_[A-Z0-9_]+)=", re.MULTILINE)


def known() -> set[str]:
    fields = {*Settings.model_fields, *MigrateSettings.model_fields}
    return {f"OUTBOUND_{name.upper()}" for name in fields}


@pytest.mark.skipif(not EXAMPLE.exists(), reason="`.env.example` is not written yet")
def test_the_example_lists_exactly_the_settings() -> None:
    listed = NAME.findall(EXAMPLE.read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(known())


@pytest.mark.skipif(not EXAMPLE.exists(), reason="`.env.example` is not written yet")
def test_each_setting_of_the_example_has_a_comment_above_it() -> None:
    blocks = re.split(r"\n\s*\n", EXAMPLE.read_text(encoding="utf-8"))
    bare = [block for block in blocks if NAME.search(block) and not re.match(r"# \S", block.strip())]
    assert bare == []


def test_nothing_reads_the_environment_but_the_settings() -> None:
    allowed = {"api/settings.py", "api/dev/embedded.py", "api/dev/supervisor.py"}
    reading = {
        str(path.relative_to(ROOT))
        for folder in ("api", "providers")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.environ|os\.getenv|\bgetenv\(", path.read_text(encoding="utf-8"))
    }
    assert reading <= allowed
