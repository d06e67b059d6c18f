"""Runs the tests of the provider code against each mutant: in copies of the tree, which itself is never touched."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.prove.providers import child
from tests.prove.providers.mutant import Mutant
from tests.prove.providers.mutants import MUTANTS

ROOT = Path(__file__).parents[3]
NEEDED = ("providers", "api", "tests", "pyproject.toml")
HERE = "tests/providers"
SHARED = (f"{HERE}/test_http*.py", f"{HERE}/*/test_client_errors.py", f"{HERE}/*/test_client*.py")
OF_ONE = ("test_client_mapping.py", "test_webhook_parser.py", "test_client_errors.py", "test_client*.py")
ASIDE = (f"{HERE}/test_facts.py", f"{HERE}/test_senders.py")
CONFORMANCE = (f"{HERE}/test_conformance*.py",)
FAILED = re.compile(r"(?m)^(?:FAILED|ERROR) (\S+::[^\s\[]+(?:\[.*?\])?)(?: - |$)")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `by` is the test that noticed it; `trouble` says why it could not be judged."""

    mutant: Mutant
    by: str | None = None
    trouble: str | None = None

    @property
    def killed(self) -> bool:
        """Whether a test noticed it."""
        return self.by is not None

    def __str__(self) -> str:
        if self.trouble:
            return f"UNJUDGED  {self.mutant.name}: {self.trouble}"
        return (
            f"killed    {self.mutant.name} by {self.by}"
            if self.by
            else f"SURVIVED  {self.mutant.name}: {self.mutant.why}"
        )


class Copy:
    """A copy of the tree in which one mutant at a time stands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)

    @contextmanager
    def damaged(self, mutant: Mutant) -> Iterator[None]:
        """Let the mutant stand in the copy for a while."""
        path = self._folder / mutant.file
        whole = path.read_text(encoding="utf-8")
        try:
            self._write(path, mutant.damage(whole))
            yield
        finally:
            self._write(path, whole)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()  # Python takes it for current by time and size, which may be the same

    def tests(self, patterns: Sequence[str]) -> list[str]:
        """Return the test files of some patterns, in their order."""
        found = [path for pattern in patterns for path in sorted(self._folder.glob(pattern))]
        return list(dict.fromkeys(str(path.relative_to(self._folder)) for path in found))

    def run(self, tests: Sequence[str], *more: str) -> tuple[int, str]:
        """Run tests in the copy up to the first that fails."""
        return child.run(self._folder, ["-x", "-q", *more, *tests])


def stages(copy: Copy, mutant: Mutant) -> list[tuple[list[str], list[str]]]:
    """Return what is run against a mutant: the cheap tests first, and what all providers must pass only then."""
    if mutant.vendor is None:
        return [(copy.tests(SHARED), []), (copy.tests(CONFORMANCE), [])]
    own = [f"{HERE}/{mutant.vendor}/{pattern}" for pattern in OF_ONE]
    return [(copy.tests((*own, *ASIDE)), []), (copy.tests(CONFORMANCE), ["-k", mutant.vendor])]


def judge(copy: Copy, mutant: Mutant) -> Verdict:
    """Run the tests that concern a mutant until one notices it."""
    with copy.damaged(mutant):
        for tests, more in stages(copy, mutant):
            code, output = copy.run(tests, *more)
            found = FAILED.search(output)
            if code != 0 and found:
                return Verdict(mutant, by=found[1])
            if code != 0:
                return Verdict(mutant, trouble=f"pytest ended with {code}: {output[-500:]}")
    return Verdict(mutant)


def false_alarms(copy: Copy, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return whose killers fail without any damage too: these prove nothing."""
    killers = sorted({verdict.by for verdict in verdicts if verdict.by})
    alarms = set[str]()
    for killer in killers if killers and copy.run(killers)[0] else ():
        if copy.run([killer])[0]:
            alarms.add(killer)
    return [verdict for verdict in verdicts if verdict.by in alarms]


_copies: list[Copy] = []  # of a process that judges


def _begin(home: str) -> None:
    _copies.append(Copy(Path(tempfile.mkdtemp(dir=home))))


def _judge(mutant: Mutant) -> Verdict:
    return judge(_copies[0], mutant)


def run(only: Sequence[str] = (), workers: int = 0) -> bool:
    """Judge all mutants or those whose name contains one of `only`, and say of each what became of it."""
    chosen = [mutant for mutant in MUTANTS if not only or any(part in mutant.name for part in only)]
    verdicts = list[Verdict]()
    child.warm_up()
    with tempfile.TemporaryDirectory(prefix="outbound-mutants-") as home:
        workers = workers or min(2, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, get_context("fork"), _begin, (home,)) as pool:
            for verdict in pool.map(_judge, chosen):
                verdicts.append(verdict)
                print(f"[{len(verdicts)}/{len(chosen)}] {verdict}", flush=True)
        alarms = false_alarms(Copy(Path(tempfile.mkdtemp(dir=home))), verdicts)
    return summary(verdicts, alarms)


def summary(verdicts: Sequence[Verdict], alarms: Sequence[Verdict]) -> bool:
    """Say what it comes to; return whether every mutant was noticed."""
    for verdict in alarms:
        print(f"FALSE ALARM {verdict.mutant.name}: {verdict.by} fails without it too")
    left = [verdict for verdict in verdicts if not verdict.killed]
    print(f"{len(verdicts) - len(left)} of {len(verdicts)} mutants killed")
    for verdict in left:
        print(verdict)
    return bool(verdicts) and not left and not alarms


def main(size: str, seed: int) -> bool:
    """Run all of them, as `make prove ONLY=providers` does: it has one size, and nothing in it is drawn."""
    return run()
