"""Runs the simulator."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from providers.simulators.instantly.accounts import open_workspace
from providers.simulators.instantly.app import Provider
from providers.simulators.instantly.control import InstantlyControl
from providers.simulators.instantly.limits import Limits
from providers.simulators.instantly.player import Player
from providers.simulators.instantly.state import OPTIONS, SWITCHES, open_store, options
from providers.simulators.instantly.webhooks.deliveries import ATTEMPTS, headers, noted
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.outbox import Courier
from providers.simulators.kit.server import LOOPBACK, Listener, check_control, serve_pair


def serve(
    *,
    port: int,
    control_port: int,
    state_path: Path,
    api_keys: Sequence[str],
    rate_limit: str = "100/1,6000/60",
    autoplay: bool = True,
    host: str = LOOPBACK,
    control_host: str = LOOPBACK,
    control_token: str | None = None,
) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    check_control(control_host, control_token)
    store = open_store(state_path)
    with store.transaction():
        for api_key in api_keys:
            open_workspace(store, api_key)
        store.put_setting("options", {**options(store), "autoplay": autoplay})
    faults = Faults(store, SWITCHES)
    provider = Provider(store, faults, Limits(rate_limit, store.clock))
    control = InstantlyControl(store, faults, OPTIONS, control_token)
    courier = Courier(store, faults, headers=partial(headers, store), noted=partial(noted, store), attempts=ATTEMPTS)
    serve_pair(
        store,
        Listener(provider.app(), host, port),
        Listener(control.app(), control_host, control_port),
        [Player(store, faults).run(), courier.run()],
    )
