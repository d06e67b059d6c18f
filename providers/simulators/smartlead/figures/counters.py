"""Running totals per campaign, so that analytics never has to count messages."""

from providers.simulators.kit.store import Store


def add(store: Store, campaign_id: int, *names: str) -> None:
    """Raise these totals by one."""
    for name in names:
        store.run("insert into counters values (?, ?, 1) on conflict do update set n = n + 1", campaign_id, name)


def read(store: Store, campaign_id: int) -> dict[str, int]:
    """Return the totals of a campaign."""
    rows = store.all("select name, n from counters where campaign_id = ?", campaign_id)
    return {row["name"]: row["n"] for row in rows}


def lead_states(store: Store, campaign_id: int) -> dict[str, int]:
    """Return how many leads of a campaign are in each state."""
    rows = store.all("select status, n from lead_counts where campaign_id = ? and n > 0", campaign_id)
    return {row["status"]: row["n"] for row in rows}


def recount(store: Store, campaign_id: int) -> None:
    """Make the totals match the messages that are left."""
    counted = store.one(
        "select count(*) as sent, count(distinct map_id) as unique_sent, sum(open_count) as open,"
        " sum(open_count > 0) as unique_open, sum(click_count) as click,"
        " sum(click_count > 0) as unique_click, sum(reply_time is not null) as reply,"
        " sum(is_bounced) as bounce, sum(is_unsubscribed) as unsubscribed"
        " from messages where campaign_id = ? and kind = 'SENT'",
        campaign_id,
    )
    store.run("delete from counters where campaign_id = ?", campaign_id)
    totals = dict(counted) if counted else {}
    store.many(
        "insert into counters values (?, ?, ?)",
        [(campaign_id, name, total or 0) for name, total in totals.items()],
    )
