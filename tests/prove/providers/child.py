"""Runs pytest in a child of this process, which has read the libraries already: they are most of what a run takes."""

import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[3]
LIBRARIES = ("httpx", "jsonschema", "pytest", "_pytest.config", "rfc3339_validator", "tests.engine")
OURS = ("tests", "providers")  # these a child reads from the copy
BARE = ("--noconftest", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
LONGEST_RUN = 1800.0
BROKEN = 99


def warm_up() -> None:
    """Read what each child would read."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue


def run(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """Run pytest in a tree, in a child; return how it ended and what it said. A run without end ends with -1."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        number = os.fork()
        if number == 0:
            os.setsid()
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os._exit(_in_child(folder, arguments))
        code = _ended(number)
        output.seek(0)
        return code, output.read()


def _in_child(folder: Path, arguments: list[str]) -> int:
    try:
        os.chdir(folder)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
        sys.path[:] = [str(folder), *(part for part in sys.path if part and Path(part) != ROOT)]
        importlib.invalidate_caches()
        pytest = importlib.import_module("pytest")
        return int(pytest.main([*BARE, *arguments]))
    except BaseException:
        traceback.print_exc()
        return BROKEN
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _ended(number: int) -> int:
    """Wait for a child; end it and all it has started where it takes too long."""
    deadline = time.monotonic() + LONGEST_RUN
    while True:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(number, signal.SIGKILL)
            os.waitpid(number, 0)
            return -1
        time.sleep(0.05)
