"""Runs the simulator: the provider on one port, its controls on another."""

from functools import partial
from typing import Unpack

from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.outbox import Courier
from providers.simulators.kit.server import Parts, Settings, run
from providers.simulators.kit.store import Store
from providers.simulators.smartlead.accounts import open_account
from providers.simulators.smartlead.app import Provider
from providers.simulators.smartlead.control import control
from providers.simulators.smartlead.player import Player
from providers.simulators.smartlead.requests import Account
from providers.simulators.smartlead.state import OPTIONS, SWITCHES, open_store
from providers.simulators.smartlead.webhooks.publishing import headers

RATE_LIMIT = "60/60"


def serve(**settings: Unpack[Settings]) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    run(settings, open_store, OPTIONS, _build)


def _build(store: Store, settings: Settings) -> Parts:
    def opened(api_key: str) -> Account:
        with store.transaction():
            return open_account(store, api_key)

    faults = Faults(store, SWITCHES)
    limiter = Limiter(settings.get("rate_limit", RATE_LIMIT), store.clock)
    provider = Provider(store, Accounts(opened, settings["api_keys"]), limiter, faults)
    courier = Courier(store, faults, headers=partial(headers, store))
    controls = control(store, faults, settings.get("control_token"))
    return Parts(provider.app(), controls.app(), [Player(store).run(), courier.run()])
