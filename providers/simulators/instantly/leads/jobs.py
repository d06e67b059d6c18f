"""Background jobs: pending at first, done a moment later; what failed stands inside."""

from collections.abc import Callable

from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import Call
from providers.simulators.instantly.state import options
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store

Worker = Callable[[Store, str, Object], Object]
_WORKERS: dict[str, Worker] = {}


def worker(kind: str) -> Callable[[Worker], Worker]:
    """Register what does the jobs of a kind; it returns their `data` when they are done."""

    def register(function: Worker) -> Worker:
        _WORKERS[kind] = function
        return function

    return register


def start(call: Call, kind: str, data: Object, *, entity: tuple[str, str] | None) -> Object:
    """Queue a job and return it as the asking request sees it, its null user included."""
    job: Object = {
        "id": ids.job_id(call.store),
        "workspace_id": call.workspace,
        "type": kind,
        "progress": 0,
        "status": "pending",
        "created_at": call.now,
        "updated_at": call.now,
        "user_id": None,
        **({"entity_id": entity[1], "entity_type": entity[0]} if entity else {}),
        "data": data,
    }
    entities.create(call.store, call.workspace, "job", job)
    due = call.store.clock.time() + float(call.options["job_delay"])
    subject = f"{call.workspace}/{job['id']}"
    call.store.insert("script", {"due_at": due, "subject": subject, "event": "job"})
    return job


def finish(store: Store, faults: Faults, subject: str) -> bool:
    """Do a job whose time has come; return False if it is stuck for now."""
    if faults.on("stuck_jobs"):
        return False
    workspace, _, identity = subject.partition("/")
    job = entities.find(store, workspace, "job", identity)
    if job is None:
        return True
    if faults.strikes("failed_jobs"):
        changes: Object = {"status": "failed", "progress": 50}
    else:
        changes = {"status": "success", "progress": 100, "data": _WORKERS[job["type"]](store, workspace, job)}
    entities.save(store, workspace, "job", {**job, **changes, "updated_at": store.clock.stamp()})
    return True


def delay(store: Store) -> float:
    """Return how long a change of interest takes to show."""
    return float(options(store)["interest_delay"])
