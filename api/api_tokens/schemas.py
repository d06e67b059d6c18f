"""Bodies of the API tokens' addresses."""

from datetime import datetime
from uuid import UUID

from api.schemas import Body, Name, Resource


class ApiTokenCreate(Body):
    """A token for one company; its bearer sees that company and nothing else."""

    company_id: UUID
    name: Name = "default"


class ApiTokenCreated(Resource):
    """A new token. `token` is shown this once and never again."""

    id: UUID
    company_id: UUID
    name: str
    last_four: str
    created_at: datetime
    token: str
