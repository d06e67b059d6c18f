"""`.env.example` and the settings say the same."""

import re
from dataclasses import asdict

import pytest
from pydantic import ValidationError

from api.ops.stopping import missing
from api.settings import MigrateSettings, ProviderSettings, Settings
from providers.registry import PROVIDERS
from tests.architecture.source import ROOT

EXAMPLE = ROOT / ".env.example"
NAME = re.compile(r"^#?\s*(OUTBOUND_[A-Z0-9_]+)=", re.MULTILINE)


def known() -> set[str]:
    fields = {*Settings.model_fields, *MigrateSettings.model_fields} - {"providers"}
    fields |= {f"providers__{key}__{name}" for key in PROVIDERS for name in ProviderSettings.model_fields}
    return {f"OUTBOUND_{name.upper()}" for name in fields}


def test_the_example_shows_what_each_provider_declares() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for key, provider in PROVIDERS.items():
        shown = dict(re.findall(rf"^# OUTBOUND_PROVIDERS__{key.upper()}__([A-Z_]+)=(.+)$", text, re.MULTILINE))
        declared = {"url": provider.url, **asdict(provider.limits)}
        assert {name: shown[name.upper()] for name in declared.keys() - {"leads_per_request"}} == {
            name: str(value) for name, value in declared.items() if name != "leads_per_request"
        }


def test_a_provider_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOUND_PROVIDERS__SMARTLAED__URL", "http://127.0.0.1:9100")
    with pytest.raises(ValidationError) as refused:
        Settings()  # pyright: ignore[reportCallIssue]
    assert "there is no provider smartlaed; there are smartlead, instantly, heyreach" in missing(refused.value)


def test_a_setting_that_no_provider_has_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOUND_PROVIDERS__SMARTLEAD__URLS", "http://127.0.0.1:9100")
    monkeypatch.setenv("OUTBOUND_PROVIDERS__HEYREACH__REQUESTS_PER_MINUTE", "3")
    with pytest.raises(ValidationError) as refused:
        Settings()  # pyright: ignore[reportCallIssue]
    assert "OUTBOUND_PROVIDERS__SMARTLEAD__URLS: Extra inputs are not permitted" in missing(refused.value)
    assert "OUTBOUND_PROVIDERS__HEYREACH__REQUESTS_PER_MINUTE: Input should be greater than" in missing(refused.value)


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
