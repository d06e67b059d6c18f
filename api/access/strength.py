"""No user acts on a stronger one: the database's one judge, called before a write so that a refusal comes first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from api.db.pool import Tx
from api.db.queries import beside
from api.errors import Forbidden, Problem, Unprocessable, register_constraints

SQL = beside(__file__, "strength.sql")


def _too_long() -> Problem:
    return Unprocessable(
        "A token cannot outlive the one that makes it.",
        errors=[{"pointer": "/expires_at", "code": "expires_beyond_own"}],
        code="expires_beyond_own",
    )


REFUSALS: dict[str, Callable[[], Problem]] = {
    "beyond_own_permissions": lambda: Forbidden(
        "This credential cannot make or touch what has more permissions than itself.", code="beyond_own_permissions"
    ),
    "expires_beyond_own": _too_long,
    "not_for_others": lambda: Forbidden("Making a token for another person takes the permission `users:write`."),
}
register_constraints(REFUSALS)


async def beyond(
    tx: Tx,
    role: str,
    scopes: Sequence[str] | None = None,
    *,
    ends: datetime | str | None = None,
    person: UUID | None = None,
) -> str | None:
    """Return why the caller may not act on a user of this role and these scopes, or None.

    `ends` is when a token that is being made would end, "infinity" if never; `person` the user it would act as.
    """
    target = {"role": role, "scopes": None if scopes is None else list(scopes), "ends": ends, "person": person}
    row = await tx.one(SQL.beyond_caller, target)
    return None if row is None else row["code"]


async def refuse_beyond(
    tx: Tx,
    role: str,
    scopes: Sequence[str] | None = None,
    *,
    ends: datetime | str | None = None,
    person: UUID | None = None,
) -> None:
    """Raise Forbidden or Unprocessable where the caller may not; see `beyond`."""
    code = await beyond(tx, role, scopes, ends=ends, person=person)
    if code is not None:
        raise REFUSALS[code]()
