"""`@supabase/supabase-js`, installed once into the Python environment and driven by Node."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.summary import NEEDS

PACKAGE, VERSION = "@supabase/supabase-js", "2.119.1"
INSTALL_SECONDS, RUN_SECONDS = 120, 60
# A key opens the door of a Supabase project; whose rows are shown is what `accessToken` returns.
SCRIPT = """
import { createClient } from "@supabase/supabase-js";
const { url, token } = JSON.parse(process.env.GIVEN);
const client = createClient(url, "any-key", {
  accessToken: async () => token,
  db: { schema: "dashboard" },
  realtime: { transport: globalThis.WebSocket ?? class {} }, // older Nodes have none, and dashboards need none
});
const one = await client.from("campaign_overview").select("name,sent", { count: "exact" })
  .gte("sent", 0).order("name", { ascending: false }).limit(2);
const two = await client.from("sender_health").select("address").eq("status", "disconnected");
const three = await client.from("campaign_overview").insert({ name: "x" });
const four = await client.rpc("pre_request");
console.log(JSON.stringify({ one, two, three, four }));
"""


def run(url: str, token: str) -> dict[str, Any]:
    """Run the script with an address and a token, and return what it was answered. Skips where Node is not here."""
    folder = _installed()
    file = folder / "read.mjs"
    file.write_text(SCRIPT)
    given = {"GIVEN": json.dumps({"url": url, "token": token}), "PATH": str(Path(_program("node")).parent)}
    done = subprocess.run(
        [_program("node"), str(file)], check=False, capture_output=True, text=True, timeout=RUN_SECONDS, env=given
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _installed() -> Path:
    folder = Path(sys.prefix) / "share" / "outbound" / f"supabase-js-{VERSION}"
    if (folder / "node_modules" / PACKAGE).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        _program("npm"), "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
        f"{PACKAGE}@{VERSION}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=INSTALL_SECONDS, cwd=folder)
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"for want of {NEEDS['node']}")
    return folder


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"for want of {NEEDS['node']}")
    return found
