"""Runs the simulator: the provider on one port, its controls on another."""

from collections.abc import Sequence
from pathlib import Path

from providers.simulators.heyreach.accounts import open_workspace
from providers.simulators.heyreach.app import Provider
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.control import Control
from providers.simulators.heyreach.player import Player
from providers.simulators.heyreach.requests import Workspace
from providers.simulators.heyreach.state import OPTIONS, SWITCHES, open_store
from providers.simulators.kit import options
from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.outbox import RETRY_AFTER, Courier
from providers.simulators.kit.server import LOOPBACK, Listener, check_control, serve_pair

# A delivery that fails is tried five times more.
ATTEMPTS = 1 + len(RETRY_AFTER)


def serve(
    *,
    port: int,
    control_port: int,
    state_path: Path,
    api_keys: Sequence[str],
    rate_limit: str = "300/60",
    autoplay: bool = True,
    host: str = LOOPBACK,
    control_host: str = LOOPBACK,
    control_token: str | None = None,
) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    check_control(control_host, control_token)
    store = open_store(state_path)
    faults = Faults(store, SWITCHES)

    def opened(api_key: str) -> Workspace:
        with store.transaction():
            return open_workspace(store, api_key, times.stamp(store.clock.now()))

    workspaces = Accounts(opened, api_keys)
    with store.transaction():
        options.change(store, OPTIONS, {"autoplay": autoplay})
    provider = Provider(store, faults, workspaces, Limiter(rate_limit, store.clock))
    serve_pair(
        store,
        Listener(provider.app(), host, port),
        Listener(Control(store, faults, OPTIONS, control_token).app(), control_host, control_port),
        [Player(store).run(), Courier(store, faults, attempts=ATTEMPTS).run()],
    )
