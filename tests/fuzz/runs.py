"""One run of the fuzzer: a document, a credential, and what came of it."""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.engine import Engine, Organization, addresses, draft

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
PAIRS = (("company", "company"), ("company", "org"), ("partner", "org"), ("partner", "company"))
CASES = re.compile(r"^  ([\d,]+) generated(.*)$", re.MULTILINE)
OPERATIONS = re.compile(r"^  Tested: (\d+)", re.MULTILINE)


@dataclass
class Result:
    """What a run found. `aside` counts the refusals that are right although the schema alone does not say so."""

    document: str
    credential: str
    ok: bool
    text: str
    operations: int
    cases: int
    aside: Counter[str] = field(default_factory=Counter[str])

    def __str__(self) -> str:
        verdict = "nothing found" if self.ok else "FAILED"
        aside = ", ".join(f"{count} {name}" for name, count in sorted(self.aside.items())) or "none"
        return (
            f"{self.document} document, {self.credential} token: {self.operations} operations, {self.cases} cases, "
            f"{verdict}; set aside: {aside}"
        )


@dataclass
class Ground:
    """An organization with a company that has something of everything."""

    engine: Engine
    org: Organization
    folder: Path

    @classmethod
    def lay(cls, engine: Engine, folder: Path) -> "Ground":
        """Make the tenant and fetch both documents."""
        org = engine.new_organization()
        company = org.connected_company()
        campaign = draft(company, leads=2)
        lead = company.api.get(f"/v1/campaigns/{campaign}/leads").raise_for_status().json()["data"][0]["lead_id"]
        engine.new_conversation(company.id, campaign, lead)
        company.api.post("/v1/suppressions", json={"email": addresses(1)[0]}).raise_for_status()
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in (("company", "/openapi.json"), ("partner", "/partner/openapi.json")):
            document = org.api.get(path).raise_for_status().text
            (folder / f"{name}.json").write_text(document, encoding="utf-8")
        return cls(engine, org, folder)

    def protected(self) -> list[str]:
        """Return the ids that a run must not take from under itself."""
        tokens = self.org.api.get("/partner/v1/api-tokens").raise_for_status().json()["data"]
        return [self.org.companies[0].id, *(token["id"] for token in tokens)]

    def token(self, credential: str) -> str:
        """Return the token of a credential's kind."""
        return self.org.token if credential == "org" else self.org.companies[0].token

    def run(self, document: str, credential: str, phases: str, *options: str) -> Result:
        """Fuzz one document with one credential."""
        aside = self.folder / f"{document}-{credential}.aside"
        aside.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OUTBOUND_FUZZ_TOKEN": self.token(credential),
            "OUTBOUND_FUZZ_PROTECTED": ",".join(self.protected()),
            "OUTBOUND_FUZZ_PAIR": f"{document}-{credential}",
            "OUTBOUND_FUZZ_ASIDE": str(aside),
        }
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [str(self.folder / f"{document}.json"), "--url", self.engine.api_url, "--phases", phases]
        command += ["--no-color", *options]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        alive = self._alive(credential)
        text = done.stdout + done.stderr + ("" if alive else "\nthe engine or the credential is gone\n")
        text += f"\nthe fuzzer ended with {done.returncode}\n"
        cases, operations = CASES.search(text), OPERATIONS.search(text)
        return Result(
            document, credential, done.returncode == 0 and alive, text,
            operations=int(operations[1]) if operations else 0,
            cases=int(cases[1].replace(",", "")) if cases else 0,
            aside=Counter(aside.read_text().split() if aside.exists() else ()),
        )  # fmt: skip

    def _alive(self, credential: str) -> bool:
        try:
            return self.engine.client(self.token(credential)).get("/v1/auth/me").status_code == 200
        except httpx.HTTPError:
            return False
