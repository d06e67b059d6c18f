"""The local engine gets up again after whatever interrupted it, and says what is in its way."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from api.dev import walk
from api.dev.home import Home, State
from api.dev.seed import seed
from api.dev.supervisor import Supervisor
from tests.engine import Engine
from tests.support.ports import free_port


@contextmanager
def occupied(port: int = 0) -> Iterator[int]:
    """Listen on a port, as another program would."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        yield int(listener.getsockname()[1])


def serve(engine: Engine, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **engine.folder.environment(), "OUTBOUND_HOME": "", **settings}
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "serve"], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("setting", ["OUTBOUND_METRICS_PORT", "OUTBOUND_PORT"])
def test_a_taken_port_ends_the_api_with_a_sentence(engine: Engine, setting: str) -> None:
    ports = {"OUTBOUND_METRICS_PORT": str(free_port()), "OUTBOUND_PORT": str(free_port())}
    with occupied() as port:
        ended = serve(engine, **{**ports, setting: str(port)})
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} (Address already in use); set {setting}" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout


def test_a_port_that_is_taken_before_the_start_is_reported(tmp_path: Path) -> None:
    Home.open(tmp_path)
    with occupied() as port:
        state = Home.open(tmp_path).state
        state.ports["api"] = port
        home = Home(tmp_path, state)
        home.save()
        again = Home.open(tmp_path)
    assert again.moved["api"] == (port, again.state.ports["api"])
    assert again.state.ports["api"] != port
    assert len(set(again.state.ports.values())) == len(again.state.ports)


def test_ports_that_are_taken_while_it_starts_are_left_for_others(workplace: Path) -> None:
    home = Home.open(workplace / "raced")
    home.state.ports = {name: free_port() for name in home.state.ports}
    home.save()
    supervisor, said = Supervisor(home, "0"), list[str]()
    supervisor.say = said.append  # type: ignore[method-assign]
    raced = {name: home.state.ports[name] for name in ("api", "instantly_control", "postgres")}
    try:
        with ExitStack() as others:
            for port in raced.values():
                others.enter_context(occupied(port))
            supervisor.start()
            seed(home)
            assert httpx.get(f"{home.api_url}/readyz", timeout=30).status_code == 200
    finally:
        supervisor.stop()
    for name, port in raced.items():
        assert home.state.ports[name] != port
        assert any(line.startswith(f"port {port} is taken; {name} is on {home.state.ports[name]}") for line in said)


def test_a_folder_that_cannot_be_written_ends_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = subprocess.run(
        [sys.executable, "-m", "api.cli", "dev", "--home", str(tmp_path / "file" / "home")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "cannot be written (Not a directory); give another folder with --home" in ended.stderr


def test_a_walk_that_was_interrupted_begins_anew(engine: Engine) -> None:
    made = engine.new_organization()
    company = made.new_company(walk.NAME)
    made.connect(company)
    state = State(**{**vars(engine.folder.state), "organizations": [{"companies": [{"name": walk.NAME}]}]})
    home = Home(engine.home, state)
    partner = walk.Caller(home, made.token, "partner")
    walk._begin_anew(home, partner)
    partner.client.close()
    left = made.api.get("/partner/v1/companies").raise_for_status().json()["data"]
    assert [row["status"] for row in left if row["id"] == company.id] in ([], ["deleting"])
    assert state.organizations[0]["companies"] == []
