"""Letting a lead begin a subsequence."""

from providers.simulators.instantly.campaigns import rules
from providers.simulators.instantly.leads import leads
from providers.simulators.kit.store import Object, Row, Store


def enter(store: Store, row: Row, subsequence: Object) -> Row:
    """Let a lead begin a subsequence."""
    steps = rules.steps_of(subsequence)
    due = store.clock.time() + rules.seconds(steps[0], "pre_delay") if steps else None
    kept = {"timestamp_added_subsequence": store.clock.stamp()}
    return leads.put(store, row, kept, subsequence_id=subsequence["id"], step=-1, due_at=due, status=leads.ACTIVE)
