"""Damage to HeyReach's calls, campaigns, webhooks and senders."""

from tests.prove.providers.mutant import Mutant

AT = "providers/heyreach/"
ERROR_404 = "            if error.status != 404:\n                raise\n"
ERROR_UNKNOWN = "            if error.status not in UNKNOWN:\n                raise\n"

OF_HEYREACH = [
    # All calls.
    Mutant(
        "hr-sends-are-doubted",
        f"{AT}calls.py",
        "body=body or {}, repeatable=True",
        "body=body or {}",
        "changes are asked about",
    ),
    Mutant(
        "hr-post-without-json",
        f"{AT}calls.py",
        "body=body or {}, repeatable=True",
        "body=body, repeatable=True",
        "some posts are refused",
    ),
    Mutant(
        "hr-edits-are-doubted",
        f"{AT}calls.py",
        "**body}, repeatable=True)",
        "**body}, repeatable=False)",
        "changes are asked about",
    ),
    Mutant(
        "hr-first-page-only",
        f"{AT}calls.py",
        "is_last = len(items) < PAGE or (total is not None and offset >= total)",
        "is_last = True",
        "later pages are not seen",
    ),
    Mutant(
        "hr-no-page-is-empty",
        f"{AT}calls.py",
        'raise Passing(f"{path}: the answer is no list", status=answer.status)',
        "return",
        "nobody is thought there",
    ),
    Mutant(
        "hr-circle",
        f"{AT}calls.py",
        'raise Passing(f"{path}: the list turns in a circle", status=answer.status)',
        "return",
        "half a list counts as one",
    ),
    Mutant(
        "hr-page-for-people",
        f"{AT}calls.py",
        'if answer.text.lstrip().startswith("<"):',
        "if False:",
        "a shield's page counts as done",
    ),
    Mutant(
        "hr-403-passes",
        f"{AT}calls.py",
        "if error.status != 403:\n                raise",
        "raise",
        "a workspace without subscription is asked on",
    ),
    Mutant(
        "hr-403-is-not-looked-into",
        f"{AT}calls.py",
        "            await self.verify()\n",
        "",
        "a shield's 403 counts as a refusal",
    ),
    Mutant(
        "hr-400-person",
        f"{AT}calls.py",
        "frozenset({400, 404})",
        "frozenset({404})",
        "who is not known fails each look",
    ),
    Mutant(
        "hr-404-person",
        f"{AT}calls.py",
        "frozenset({400, 404})",
        "frozenset({400})",
        "who is not known fails each look",
    ),
    Mutant(
        "hr-refused-person",
        f"{AT}calls.py",
        ERROR_UNKNOWN + "            return []",
        "            return []",
        "a refused look finds nobody",
    ),
    Mutant("hr-no-key", f"{AT}calls.py", '"X-API-KEY": header', '"X-KEY": header', "no request is let in"),
    # Campaigns.
    Mutant(
        "hr-pause-resumes", f"{AT}mapping.py", 'return "Pause"', 'return "Resume"', "people are written to while paused"
    ),
    Mutant(
        "hr-drafts-resume",
        f"{AT}mapping.py",
        '"StartCampaign" if status in UNSTARTED else "Resume"',
        '"Resume"',
        "no draft is started",
    ),
    Mutant(
        "hr-switch-is-trusted",
        f"{AT}campaigns.py",
        "if mapping.stands(await self._status(campaign), active):",
        "if True:",
        "a refused start counts as one",
    ),
    Mutant(
        "hr-switch-is-refused",
        f"{AT}campaigns.py",
        "if mapping.stands(await self._status(campaign), active):",
        "if False:",
        "what already stands is refused",
    ),
    Mutant(
        "hr-starting-is-refused",
        f"{AT}campaigns.py",
        "if before == mapping.STARTING:",
        "if False:",
        "a campaign that still starts cannot be paused later",
    ),
    Mutant(
        "hr-no-marker",
        f"{AT}mapping.py",
        "LONGEST_LIST_NAME)} [{marker}]",
        "LONGEST_LIST_NAME)}",
        "a lost campaign is made twice",
    ),
    Mutant(
        "hr-create-again",
        f"{AT}campaigns.py",
        "body, repeatable=False)",
        "body, repeatable=True)",
        "a lost campaign is made twice",
    ),
    Mutant(
        "hr-new-list-each-time",
        f"{AT}campaigns.py",
        "if mapping.is_our_list(row, marker):",
        "if False:",
        "lists pile up",
    ),
    Mutant(
        "hr-copy-is-found", f"{AT}campaigns.py", "return min((str(", "return max((str(", "a copy made by hand is used"
    ),
    Mutant(
        "hr-create-without-id-is-refused",
        f"{AT}campaigns.py",
        'raise Uncertain("POST campaign',
        'raise Refused("POST campaign',
        "a campaign that was made is forgotten",
    ),
    Mutant(
        "hr-begun-is-draft",
        f"{AT}campaigns.py",
        "not in mapping.UNSTARTED",
        "in mapping.UNSTARTED",
        "what runs counts as a draft",
    ),
    Mutant(
        "hr-hidden-drafts",
        f"{AT}campaigns.py",
        "if mapping.row_id(listed) == campaign:",
        "if False:",
        "a draft that hides is thought gone",
    ),
    Mutant(
        "hr-seats-are-remembered",
        f"{AT}campaigns.py",
        "        self.takes.pop(campaign, None)\n",
        "",
        "seats that went are written from",
    ),
    Mutant(
        "hr-settings-are-reset",
        f"{AT}mapping.py",
        '"excludeListId": whole(row.get("excludeListId"))',
        '"excludeListId": None',
        "renaming lets excluded people in",
    ),
    Mutant(
        "hr-flags-are-reset",
        f"{AT}mapping.py",
        "row.get(read) is True for theirs",
        "False for theirs",
        "renaming lets excluded people in",
    ),
    Mutant(
        "hr-days-shift",
        f"{AT}mapping.py",
        "enumerate(DAYS, start=1)",
        "enumerate(DAYS)",
        "nothing is sent on the last day",
    ),
    Mutant(
        "hr-two-requests",
        f"{AT}sequences.py",
        "for step in ordered) > 1:",
        "for step in ordered) > 2:",
        "a tree that is refused is sent",
    ),
    # Webhooks.
    Mutant(
        "hr-hook-for-all",
        f"{AT}mapping.py",
        '"campaignIds": [campaign]}',
        '"campaignIds": []}',
        "each campaign tells of all",
    ),
    Mutant(
        "hr-second-hook-stays",
        f"{AT}webhooks.py",
        "for other in others:",
        "for other in others[1:]:",
        "everything is told twice",
    ),
    Mutant(
        "hr-hook-without-id",
        f"{AT}webhooks.py",
        'if mapping.created_id(answer.body, "webhookId") is None:',
        "if False:",
        "no answer counts as a webhook",
    ),
    Mutant(
        "hr-gone-hook",
        f"{AT}webhooks.py",
        ERROR_404 + "\n    async def check",
        "            raise\n\n    async def check",
        "what is gone cannot be deleted",
    ),
    Mutant(
        "hr-refused-hook",
        f"{AT}webhooks.py",
        ERROR_404 + "\n    async def check",
        "            pass\n\n    async def check",
        "what is still there counts as gone",
    ),
    Mutant("hr-off-is-working", f"{AT}webhooks.py", "state = HookState.DISABLED", "pass", "silence is not seen"),
    Mutant("hr-missing-is-working", f"{AT}webhooks.py", "return HookState.MISSING", "continue", "silence is not seen"),
    Mutant(
        "hr-hook-without-replies",
        f"{AT}mapping.py",
        '    "MESSAGE_REPLY_RECEIVED": "obx message reply",\n',
        "",
        "replies are not told",
    ),
    # Seats.
    Mutant(
        "hr-signed-out-sends",
        f"{AT}senders.py",
        'active=row.get("authIsValid") is True',
        "active=True",
        "a dead seat is used",
    ),
]
