"""Runs the simulator."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.outbox import Courier
from providers.simulators.kit.server import LOOPBACK, Listener, check_control, serve_pair
from providers.simulators.smartlead.accounts import open_account
from providers.simulators.smartlead.app import Provider
from providers.simulators.smartlead.control import SmartleadControl
from providers.simulators.smartlead.player import Player
from providers.simulators.smartlead.requests import Account
from providers.simulators.smartlead.state import OPTIONS, SWITCHES, open_store, options
from providers.simulators.smartlead.webhooks.publishing import headers


def serve(
    *,
    port: int,
    control_port: int,
    state_path: Path,
    api_keys: Sequence[str],
    rate_limit: str = "60/60",
    autoplay: bool = True,
    host: str = LOOPBACK,
    control_host: str = LOOPBACK,
    control_token: str | None = None,
) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    check_control(control_host, control_token)
    store = open_store(state_path)

    def opened(api_key: str) -> Account:
        with store.transaction():
            return open_account(store, api_key)

    accounts = Accounts(opened, api_keys)
    with store.transaction():
        store.put_setting("options", {**options(store), "autoplay": autoplay})
    faults = Faults(store, SWITCHES)
    provider = Provider(store, accounts, Limiter(rate_limit, store.clock), faults)
    control = SmartleadControl(store, faults, OPTIONS, control_token)
    courier = Courier(store, faults, headers=partial(headers, store))
    serve_pair(
        store,
        Listener(provider.app(), host, port),
        Listener(control.app(), control_host, control_port),
        [Player(store).run(), courier.run()],
    )
