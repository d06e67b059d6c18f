"""Lists that are too long for a request, as the rest of the house must know them."""

from api.errors import reference, state
from api.http.subject import Lines, Subject
from api.imports.routes import router, sending

SUBJECT = Subject(
    company=(sending, router),
    constraints={"imports_company": reference("company_id"), "imports_campaign": reference("campaign_id"),
        "import_chunks_import": state("import_abandoned", "The list took too long to come; send it again.")},
    bodies={
        ("POST", "/v1/imports"): Lines({"kind": "leads", "campaign_id": "$campaign_id"}, ({"email": "$email"},)),
    },
    rows={
        "imports": {
            "kind": "leads", "campaign_id": "$campaigns", "name": "A list", "source": "A list",
            "media_type": "text/csv",
        },
        "import_chunks": {"import_id": "$imports", "number": 0, "body": "00"},
        "import_results": {"import_id": "$imports", "first_row": 0, "body": "00"},
    },
    examples={"known": 0, "duplicate": 0, "progress": 0.5, "size": 1024, "skipped": 0, "suppressed": 0},
)  # fmt: skip
