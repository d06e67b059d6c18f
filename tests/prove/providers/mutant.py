"""Deliberate damage to the code that talks to providers: one small text replaced by another."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One piece of damage: `old`, which `file` has exactly once, becomes `new`. `why` says what it breaks."""

    name: str
    file: str
    old: str
    new: str
    why: str

    @property
    def vendor(self) -> str | None:
        """The provider whose client is damaged; None for what all share."""
        folder = Path(self.file).parent.name
        return None if folder == "providers" else folder

    def damage(self, text: str) -> str:
        """Return a file's text with the damage done."""
        assert text.count(self.old) == 1, f"{self.name}: {self.file} has the old text {text.count(self.old)} times"
        return text.replace(self.old, self.new)
