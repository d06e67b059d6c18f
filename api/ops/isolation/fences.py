"""The lint's rules about policies: one fence per tenant table that binds every role, a second for companies."""

import re
from collections.abc import Iterator
from typing import Any

from api.ops.isolation.catalog import COMPANY_ROLES, REQUEST_ROLES, Catalog, Relation, allowed

RULES = ("fence", "company-fence", "operator-fence", "platform-data", "init-plan", "policy-role", "private")
TENANT_FENCE = "({} = ( SELECT ctx.org_id() AS org_id))"
COMPANY_FENCE = re.compile(
    r"\(\(org_id, (\w+)\) = \( SELECT s\.org_id, s\.company_id FROM ctx\.scope\(\) s(\([a-z_, ]+\))?\)\)"
)
OPERATOR_FENCE = re.compile(r"\(\( SELECT s\.tier FROM ctx\.scope\(\) s(\([a-z_, ]+\))?\) = 'platform'::text\)")
LOOKED_UP_ONCE = re.compile(
    r"\( SELECT (ctx\.\w+\(\) AS \w+|s\.(org_id, s\.company_id|tier) FROM ctx\.scope\(\) s(\([a-z_, ]+\))?)\)"
)
AGAIN = "Run outbound migrate: 20_fences.sql makes it again."

Broken = tuple[str, str, str, str]
Policy = dict[str, Any]


def judge(catalog: Catalog, policies: list[Policy]) -> list[Broken]:
    """Return every broken rule about policies."""
    return [
        *(broken for relation in catalog.relations.values() for broken in _judge_table(relation, policies)),
        *_judge_conditions(policies),
        *_judge_private(catalog, policies),
    ]


def _judge_table(relation: Relation, policies: list[Policy]) -> Iterator[Broken]:
    table = f"outbound.{relation.name}"
    restrictive = [
        policy
        for policy in policies
        if (policy["schema"], policy["relation"]) == ("outbound", relation.name) and not policy["permissive"]
    ]
    if relation.org_column is None:
        if relation.name not in allowed()["platform_tables"]:
            advice = "Give it org_id, or list it under platform_tables in api/ops/isolation/allowed.json."
            yield "platform-data", table, "belongs to no tenant and is not listed", advice
        elif fenced := allowed()["platform_tables"][relation.name].get("fenced"):
            bound: list[str] = ["public"]
            if fenced == "but for the owner":  # whose walls ask it in whichever context
                bound = sorted(REQUEST_ROLES)
            yield from _judge_operators(table, restrictive, bound)
        return
    whole = [policy for policy in restrictive if policy["roles"] == ["public"]]
    right = [policy for policy in whole if _is_tenant_fence(policy, relation.org_column)]
    if len(whole) != 1 or len(right) != 1:
        yield "fence", table, f"{len(whole)} fences for everybody, {len(right)} of them right; wanted one", AGAIN
    others = [policy for policy in restrictive if policy["roles"] != ["public"]]
    right = [policy for policy in others if _is_company_fence(policy, str(relation.company_column))]
    wanted = 1 if relation.company_column else 0
    if len(others) != wanted or len(right) != wanted:
        text = f"{len(others)} fences for companies, {len(right)} of them right; wanted {wanted}"
        yield "company-fence", table, text, AGAIN


def _judge_operators(table: str, restrictive: list[Policy], bound: list[str]) -> Iterator[Broken]:
    right = [policy for policy in restrictive if policy["roles"] == bound and _is_operator_fence(policy)]
    if len(right) != 1 or len(restrictive) != 1:
        yield "operator-fence", table, f"{len(right)} fences for the operator's context; wanted one", AGAIN


def _is_operator_fence(policy: Policy) -> bool:
    same = policy["using_text"] == policy["check_text"]
    return bool(policy["for_all"]) and same and OPERATOR_FENCE.fullmatch(policy["using_text"] or "") is not None


def _is_tenant_fence(policy: Policy, column: str) -> bool:
    wanted = TENANT_FENCE.format(column)
    return bool(policy["for_all"]) and policy["using_text"] == policy["check_text"] == wanted


def _is_company_fence(policy: Policy, column: str) -> bool:
    matched = COMPANY_FENCE.fullmatch(policy["using_text"] or "")
    return (
        matched is not None
        and matched[1] == column
        and bool(policy["for_all"])
        and policy["check_text"] == policy["using_text"]
        and policy["roles"] == sorted(COMPANY_ROLES)
    )


def _judge_conditions(policies: list[Policy]) -> Iterator[Broken]:
    for policy in policies:
        where = f"{policy['schema']}.{policy['relation']} {policy['name']}"
        for text in (policy["using_text"], policy["check_text"]):
            if "ctx." in LOOKED_UP_ONCE.sub("", text or ""):
                yield "init-plan", where, "calls a function of ctx for every row", "Write `(select ctx.…())`."
        if policy["permissive"] and (len(policy["roles"]) != 1 or policy["roles"] == ["public"]):
            yield "policy-role", where, f"is permissive for {policy['roles']}", "Name one role."


def _judge_private(catalog: Catalog, policies: list[Policy]) -> Iterator[Broken]:
    for name in catalog.private:
        found = [policy for policy in policies if (policy["schema"], policy["relation"]) == ("ctx", name)]
        if [policy["roles"] for policy in found] != [["outbound_owner"]]:
            yield "private", f"ctx.{name}", "is not for its owner alone", "Keep the one policy to outbound_owner."
