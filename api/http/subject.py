"""What a subject declares of itself in its `subject.py`; `api/app.py` collects it at start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api.db.lists import ListKind
from api.errors import ProblemOfConstraint

Routers = tuple[APIRouter, ...]


@dataclass(frozen=True)
class Lines:
    """A body of NDJSON, and what its address needs in its query."""

    query: Mapping[str, str]
    lines: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Subject:
    """One subject's routers, in the order of the OpenAPI documents, and what others must know of it.

    `company` routers serve `/v1`, `partner` ones `/partner/v1`, `platform` ones `/platform/v1`; `public` ones ask for
    no credential and stand in no document. `constraints` says which problem the failure of a database constraint is, by
    the constraint's name. `examples` are values for the documents, by field name; `models` are bodies that are read
    raw, and so have to be named for the documents. `union_tags` are the tags of the unions in its bodies.

    `lists` are the kinds of lists that an import may bring, by their names in its API.

    `bodies` and `rows` are for proofs and tests: a body with which each write succeeds, and a valid row of each table
    that leaves no work due.
    A text that begins with `$` stands for something of the caller's: `$email`, `$mark` (a fresh word), `$slug`,
    `$api_key`, `$company_id` and other ids; in rows `$leads` is the id of their row of that table.
    """

    company: Routers = ()
    partner: Routers = ()
    platform: Routers = ()
    public: Routers = ()
    constraints: Mapping[str, ProblemOfConstraint] = field(default_factory=dict[str, ProblemOfConstraint])
    examples: Mapping[str, Any] = field(default_factory=dict[str, Any])
    models: tuple[type[BaseModel], ...] = ()
    union_tags: frozenset[str] = frozenset()
    lists: Mapping[str, ListKind] = field(default_factory=dict[str, ListKind])
    bodies: Mapping[tuple[str, str], Mapping[str, Any] | Lines] = field(
        default_factory=dict[tuple[str, str], "Mapping[str, Any] | Lines"]
    )
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


def routers(subjects: Iterable[Subject], *extra: APIRouter) -> Routers:
    """Return every router in the order of the documents: the companies', the partners', the platform's, the others."""
    every = tuple(subjects)
    return (
        *(router for subject in every for router in subject.company),
        *(router for subject in every for router in subject.partner),
        *(router for subject in every for router in subject.platform),
        *(router for subject in every for router in subject.public),
        *extra,
    )


def examples(subjects: Iterable[Subject], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return all examples by field name. Raises ValueError where two subjects give one name two values."""
    merged = dict(common)
    for subject in subjects:
        for name, value in subject.examples.items():
            if merged.setdefault(name, value) != value:
                raise ValueError(
                    f"two examples of `{name}`, {merged[name]!r} and {value!r}: a name has one for all subjects; give "
                    "the field of the later one an example of its own, `Field(examples=[…])`"
                )
    return merged
