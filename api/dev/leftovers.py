"""What a killed supervisor left behind: processes to end, and a folder to throw away."""

import fcntl
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from api.dev.embedded import end_leftover

OURS = (b"api.cli", b"api.dev.gateway", b"postgrest.conf")  # in the command lines of what a supervisor starts


def end_leftovers(path: Path) -> None:
    """End the processes that a killed supervisor left behind, known by their command lines."""
    home = path.resolve()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ProcessLookupError):
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
            if any(name in command for name in OURS) and f"OUTBOUND_HOME={home}".encode() in environment:
                os.kill(int(folder.name), signal.SIGKILL)
    end_leftover((home / "postgres").resolve())


def reset_home(path: Path) -> None:
    """Throw the data away; refused while the engine runs on it."""
    if not path.exists():
        print(f"{path} is not there; nothing to throw away.")
        return
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"An engine is running on {path}; end it first.")
        end_leftovers(path)
        data = path / "postgres"
        if data.is_symlink():
            shutil.rmtree(data.resolve(), ignore_errors=True)
        shutil.rmtree(path)
    print(f"{path} is gone; the next start is a fresh one.")
