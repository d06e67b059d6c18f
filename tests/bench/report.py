"""What was measured: a table on the screen, and a list of figures in a file."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass
class Report:
    """The figures in the order in which they were measured."""

    figures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: list[str] = field(default_factory=list[str])

    def note(self, line: str) -> None:
        """Say something that a reader of the figures must know."""
        self.notes.append(line)
        print(f"  note: {line}", flush=True)

    def add(self, name: str, value: float, *, target: str | None = None, ok: bool | None = None, **more: Any) -> None:
        """Add one figure; `target` and `ok` are empty where nothing was promised."""
        figure = {"name": name, "value": _rounded(value), "target": target, "ok": ok, "peers": more.pop("peers", {})}
        self.figures.append({**figure, **more})
        mark = {True: "ok", False: "MISSED", None: ""}[ok]
        print(f"    {name:<68} {_rounded(value):>10}  {target or '':<8} {mark}", flush=True)

    def ratio(
        self, name: str, ours: Sequence[float], theirs: Sequence[float], *, names: tuple[str, str],
        at_least: float | None = None, at_most: float | None = None,
    ) -> None:  # fmt: skip
        """Add the ratio of two medians, and how far the ratios of single rounds lay apart."""
        value = median(ours) / median(theirs)
        each = sorted(a / b for a, b in zip(ours, theirs, strict=True))
        target = f">= {at_least}" if at_least is not None else f"<= {at_most}" if at_most is not None else None
        ok = value >= at_least if at_least is not None else value <= at_most if at_most is not None else None
        peers = {names[0]: _rounded(median(ours)), names[1]: _rounded(median(theirs))}
        self.add(name, value, target=target, ok=ok, peers=peers, spread=[_rounded(each[0]), _rounded(each[-1])])

    def rates(self, read: str, rates: dict[str, list[float]]) -> None:
        """Print how often a second each server answered."""
        shown = "  ".join(f"{name} {median(found):.0f}" for name, found in rates.items())
        print(f"    per second: {shown}", flush=True)

    def write(self, path: Path) -> None:
        """Write the file that others read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.figures, indent=2, ensure_ascii=False) + "\n")

    def table(self) -> str:
        """Return everything at a glance."""
        lines = [f"{'':<70}{'value':>10}  {'spread':<16}{'target':<9}{'':<8}absolute medians"]
        for figure in self.figures:
            spread = "..".join(str(end) for end in figure.get("spread", []))
            peers = ", ".join(f"{name} {value:,}" for name, value in figure["peers"].items())
            mark = {True: "ok", False: "MISSED", None: ""}[figure["ok"]]
            lines.append(
                f"{figure['name']:<70}{figure['value']:>10}  {spread:<16}{figure['target'] or '':<9}{mark:<8}{peers}"
            )
        missed = [figure["name"] for figure in self.figures if figure["ok"] is False]
        lines += [f"note: {line}" for line in self.notes]
        lines.append(f"missed: {'; '.join(missed)}" if missed else "every target is met")
        return "\n".join(lines)


def machine() -> str:
    """Return what it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, load {load:.1f} at the start"


def _rounded(value: float) -> float:
    return round(value, 3 if abs(value) < 10 else 1)
