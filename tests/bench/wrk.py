"""wrk, a load generator in C: on two cores one that is Python takes part of what it measures."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("wrk", "libluajit-5.1-2")
SCRIPT = """
local requests, number = {}, 0
function init(args)
  for size in io.lines(args[1]) do
    local file = assert(io.open(args[2], "rb"))
    file:seek("set", tonumber(size:match("^(%d+)")))
    requests[#requests + 1] = file:read(tonumber(size:match(" (%d+)$")))
    file:close()
  end
end
function request()
  number = number % #requests + 1
  return requests[number]
end
"""


@dataclass(frozen=True)
class Wrk:
    """The program, where its library is, and its script."""

    program: Path
    library: Path
    script: Path

    def run(self, port: int, requests: Sequence[bytes], seconds: float, *, connections: int) -> tuple[int, int]:
        """Send these requests in turn for so many seconds, over so many connections. Return how many were answered, and
        how many of them with an error."""
        whole, index = self.script.with_suffix(".requests"), self.script.with_suffix(".index")
        places, at = list[str](), 0
        for request in requests:
            places.append(f"{at} {len(request)}")
            at += len(request)
        whole.write_bytes(b"".join(requests))
        index.write_text("\n".join(places) + "\n")
        command = [
            str(self.program), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(self.script),
            f"http://127.0.0.1:{port}/", "--", str(index), str(whole),
        ]  # fmt: skip
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.library)}
        shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        answered = re.search(r"(\d+) requests in", shown)
        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", shown)
        return int(answered[1]) if answered else 0, int(failed[1]) if failed else 0


def install(folder: Path) -> Wrk | None:
    """Return the program, taken out of Debian's packages into a folder; None where they are not to be had."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    done = subprocess.run(
        ["apt-get", "download", *PACKAGES],  # noqa: S607
        cwd=folder, check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    packages = list(folder.glob("*.deb"))
    if done.returncode or len(packages) < len(PACKAGES):
        return None
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)  # noqa: S607
    script = folder / "requests.lua"
    script.write_text(SCRIPT)
    (library,) = (path.parent for path in folder.glob("usr/lib/*/libluajit-5.1.so.2"))
    return Wrk(folder / "usr/bin/wrk", library, script)
