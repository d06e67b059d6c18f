"""What a proof says in the end: sections with counts, failures and what did not run, as Markdown, JSON and one line."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Say = Callable[[str], None]
COUNTED = ("probes", "positives", "mutants", "leaks", "survivors")


def product_version() -> str:
    """Return the version of the engine that is installed."""
    try:
        return version("outbound-engine-x")
    except PackageNotFoundError:
        return "unknown"


@dataclass
class Section:
    """One part of a proof. `failures` break it, `notes` and `not_run` do not; `per_relation` counts by table."""

    name: str
    counts: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])
    not_run: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    per_relation: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    seconds: float = 0.0

    def count(self, relation: str, what: str, amount: int = 1) -> None:
        """Count something, for the section and for a table."""
        self.counts[what] += amount
        self.per_relation.setdefault(relation, Counter())[what] += amount

    def fail(self, relation: str, text: str, what: str = "leaks") -> None:
        """Note a failure; the same text once."""
        self.count(relation, what)
        if text not in self.failures:
            self.failures.append(text)


@dataclass
class Report:
    """A whole run."""

    sections: list[Section]
    seed: int
    postgres: str
    product: str = field(default_factory=product_version)
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def proven(self) -> bool:
        """Whether nothing failed."""
        return not any(section.failures for section in self.sections)

    def total(self, what: str) -> int:
        """Return a count over all sections."""
        return sum(section.counts[what] for section in self.sections)

    def last_line(self) -> str:
        """Return the line that a run ends with."""
        probes, positives, mutants, leaks, survivors = (self.total(what) for what in COUNTED)
        line = f"isolation: {probes} probes, {positives} positives, {mutants} mutants, {leaks} leaks, "
        line += f"{survivors} survivors"
        others = sum(len(section.failures) for section in self.sections)
        return line if self.proven or leaks or survivors else f"{line}, {others} other failures"

    def write(self, folder: Path) -> None:
        """Write `isolation.md` and `isolation.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "proven": self.proven, "line": self.last_line(), "seed": self.seed, "date": self.date,
            "postgres": self.postgres, "product": self.product, "sections": [vars(each) for each in self.sections],
        }  # fmt: skip
        (folder / "isolation.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        (folder / "isolation.md").write_text("\n".join(self.markdown()) + "\n", encoding="utf-8")

    def markdown(self) -> list[str]:
        """Return the report as lines of Markdown."""
        lines = [
            "# Proof of isolation",
            "",
            f"**{'Proven' if self.proven else 'NOT proven'}**: {self.last_line()}",
            "",
            f"Postgres {self.postgres}, engine {self.product}, seed {self.seed}, {self.date}.",
            "",
            f"No leak in {self.total('probes')} tries bounds the rate of leaks among tries like these at "
            f"{3 / max(self.total('probes'), 1):.1e} (95 %); the mutants show that the tries would notice one.",
        ]
        for section in self.sections:
            lines += _section_lines(section)
        return lines


def _section_lines(section: Section) -> list[str]:
    counts = ", ".join(f"{count} {what}" for what, count in section.counts.items()) or "nothing counted"
    lines = ["", f"## {section.name}", "", f"{counts}; {section.seconds:.1f} s."]
    for title, texts in (("Failures", section.failures), ("Did not run", section.not_run), ("Notes", section.notes)):
        if texts:
            lines += ["", f"{title}:", "", *(f"- {text}" for text in texts)]
    if section.per_relation:
        columns = [what for what in section.counts if any(what in row for row in section.per_relation.values())]
        lines += ["", _row(["relation", *columns]), _row(["---"] * (len(columns) + 1))]
        for relation, row in sorted(section.per_relation.items()):
            lines.append(_row([relation, *(str(row[what]) for what in columns)]))
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
