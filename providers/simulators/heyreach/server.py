"""Runs the simulator: the provider on one port, its controls on another."""

from typing import Unpack

from providers.simulators.heyreach.accounts import open_workspace
from providers.simulators.heyreach.app import Provider
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.control import control
from providers.simulators.heyreach.player import Player
from providers.simulators.heyreach.requests import Workspace
from providers.simulators.heyreach.state import OPTIONS, SWITCHES, open_store
from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.outbox import RETRY_AFTER, Courier
from providers.simulators.kit.server import Parts, Settings, run
from providers.simulators.kit.store import Store

RATE_LIMIT = "300/60"
# A delivery that fails is tried five times more.
ATTEMPTS = 1 + len(RETRY_AFTER)


def serve(**settings: Unpack[Settings]) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    run(settings, open_store, OPTIONS, _build)


def _build(store: Store, settings: Settings) -> Parts:
    def opened(api_key: str) -> Workspace:
        with store.transaction():
            return open_workspace(store, api_key, times.stamp(store.clock.now()))

    faults = Faults(store, SWITCHES)
    limiter = Limiter(settings.get("rate_limit", RATE_LIMIT), store.clock)
    provider = Provider(store, faults, Accounts(opened, settings["api_keys"]), limiter)
    courier = Courier(store, faults, attempts=ATTEMPTS)
    controls = control(store, faults, settings.get("control_token"))
    return Parts(provider.app(), controls.app(), [Player(store).run(), courier.run()])
