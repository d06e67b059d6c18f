"""Background jobs: pending at first, done a moment later; what failed stands inside."""

from collections.abc import Callable

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, ids
from providers.simulators.instantly.exchange import PAGE, Call, Routes, answer, thing
from providers.simulators.instantly.settings import options
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store

routes = Routes()

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


@routes.on(
    "GET",
    "/background-jobs",
    "background-jobs:read",
    query={
        **PAGE,
        **dict.fromkeys(("ids", "included_ids", "excluded_ids", "type", "entity_type", "entity_id"), ajv.text()),
        "status": ajv.text(),
        "sort_column": ajv.text(among=("created_at", "updated_at")),
        "sort_order": ajv.text(among=("asc", "desc")),
    },
)
def list_all(call: Call) -> Response:
    """List jobs, the newest first."""
    query = call.query
    sets = {
        name: set(query[name].split(",")) for name in ("ids", "included_ids", "excluded_ids", "status") if name in query
    }
    rows = [
        job
        for job in call.every("job")
        if all(job.get(name) == query[name] for name in ("type", "entity_type", "entity_id") if name in query)
        and all(job["id"] in sets[name] for name in ("ids", "included_ids") if name in sets)
        and job["id"] not in sets.get("excluded_ids", set())
        and ("status" not in sets or job["status"] in sets["status"])
    ]
    rising = query.get("sort_order") == "asc"
    rows.sort(key=lambda job: (job[query.get("sort_column", "created_at")], job["id"]), reverse=not rising)
    after = query.get("starting_after")
    places = [place for place, job in enumerate(rows) if job["id"] == after]
    page = rows[places[0] + 1 if places else 0 :][: call.limit()]
    cursor = {"next_starting_after": page[-1]["id"]} if page else {}
    return answer({"items": [entities.shown(job) for job in page], **cursor})


@routes.on("GET", "/background-jobs/{id}", "background-jobs:read", query={"data_fields": ajv.text()})
def read(call: Call) -> Response:
    """Read one job, of its data only the named fields if some are named."""
    job = call.find("job")
    if "data_fields" in call.query:
        wanted = call.query["data_fields"].split(",")
        job = {**job, "data": {name: job["data"][name] for name in wanted if name in job["data"]}}
    return thing(job)


def delay(store: Store) -> float:
    """Return how long a change of interest takes to show."""
    return float(options(store)["interest_delay"])
