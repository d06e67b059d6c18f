"""Reading background jobs."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer, thing

routes = Routes()


@routes.on(
    "GET",
    "/background-jobs",
    "background-jobs:read",
    query={
        **PAGE,
        **dict.fromkeys(("ids", "included_ids", "excluded_ids", "type", "entity_type", "entity_id"), validation.text()),
        "status": validation.text(),
        "sort_column": validation.text(among=("created_at", "updated_at")),
        "sort_order": validation.text(among=("asc", "desc")),
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


@routes.on("GET", "/background-jobs/{id}", "background-jobs:read", query={"data_fields": validation.text()})
def read(call: Call) -> Response:
    """Read one job, of its data only the named fields if some are named."""
    job = call.find("job")
    if "data_fields" in call.query:
        wanted = call.query["data_fields"].split(",")
        job = {**job, "data": {name: job["data"][name] for name in wanted if name in job["data"]}}
    return thing(job)
