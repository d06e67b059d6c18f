"""Damage to Instantly's calls, campaigns, webhooks and senders."""

from tests.prove.providers.mutant import Mutant

AT = "providers/instantly/"
ERROR_404 = "            if error.status != 404:\n                raise\n"

OF_INSTANTLY = [
    # All calls.
    Mutant(
        "in-puts-are-doubted",
        f"{AT}calls.py",
        "API + path, body=body, repeatable=True",
        "API + path, body=body",
        "changes are asked about",
    ),
    Mutant(
        "in-lists-are-doubted", f"{AT}calls.py", "body=wanted, repeatable=True", "body=wanted", "reading is asked about"
    ),
    Mutant(
        "in-put-shows-nothing",
        f"{AT}calls.py",
        "if mapping.row_id(changed) is None:",
        "if False:",
        "no change is thought one",
    ),
    Mutant(
        "in-gone-is-not-deleted",
        f"{AT}calls.py",
        ERROR_404 + "\n    async def rows",
        "            raise\n\n    async def rows",
        "what is gone cannot be deleted",
    ),
    Mutant(
        "in-refused-is-deleted",
        f"{AT}calls.py",
        ERROR_404 + "\n    async def rows",
        "            pass\n\n    async def rows",
        "what is still there counts as gone",
    ),
    Mutant(
        "in-first-page-only",
        f"{AT}calls.py",
        "if not rows or not cursor:\n                return",
        "if True:\n                return",
        "later pages are not seen",
    ),
    Mutant(
        "in-circle",
        f"{AT}calls.py",
        'raise Passing(f"{path}: the list turns in a circle", status=answer.status)',
        "return",
        "half a list counts as one",
    ),
    Mutant(
        "in-no-page-is-empty",
        f"{AT}calls.py",
        'raise Passing("the answer is no list", status=answer.status)',
        'return [], ""',
        "nobody is thought there",
    ),
    Mutant(
        "in-optional-takes-the-key",
        f"{AT}calls.py",
        "if error.status not in ACCOUNT_REFUSALS:",
        "if True:",
        "a plan without webhooks loses the account",
    ),
    Mutant(
        "in-optional-hides-the-key",
        f"{AT}calls.py",
        "if error.status not in ACCOUNT_REFUSALS:",
        "if False:",
        "a wrong key looks like a refusal",
    ),
    Mutant(
        "in-402-keeps-the-key",
        f"{AT}calls.py",
        "frozenset({402, 403})",
        "frozenset({403})",
        "an account without plan is asked on",
    ),
    Mutant(
        "in-403-keeps-the-key",
        f"{AT}calls.py",
        "frozenset({402, 403})",
        "frozenset({402})",
        "a key without scope is asked on",
    ),
    Mutant(
        "in-no-key", f"{AT}calls.py", '"Authorization": f"Bearer ', '"Authorization": f"Basic ', "no request is let in"
    ),
    Mutant(
        "in-open-path",
        f"{AT}calls.py",
        'return quote(str(value), safe="")',
        "return str(value)",
        "an id leads elsewhere",
    ),
    # Campaigns.
    Mutant(
        "in-start-and-pause",
        f"{AT}campaigns.py",
        "'activate' if active else 'pause'",
        "'pause' if active else 'activate'",
        "mail goes out while paused",
    ),
    Mutant(
        "in-switch-is-trusted",
        f"{AT}campaigns.py",
        "if status not in (mapping.SENDING if active else mapping.RESTING):\n                raise",
        "del status",
        "a refused start counts as one",
    ),
    Mutant(
        "in-switch-is-refused",
        f"{AT}campaigns.py",
        "if status not in (mapping.SENDING if active else mapping.RESTING):\n                raise",
        "raise",
        "what already stands is refused",
    ),
    Mutant(
        "in-no-marker", f"{AT}mapping.py", 'return f"{name} [{marker}]"', "return name", "a lost campaign is made twice"
    ),
    Mutant(
        "in-create-again",
        f"{AT}campaigns.py",
        "body=mapping.new_campaign(name, marker))",
        "body=mapping.new_campaign(name, marker), repeatable=True)",
        "a lost campaign is made twice",
    ),
    Mutant(
        "in-copy-is-found",
        f"{AT}campaigns.py",
        "found.sort(key=lambda row: not str",
        "found.sort(key=lambda row: str",
        "a copy made by hand is used",
    ),
    Mutant(
        "in-create-without-id-is-refused",
        f"{AT}campaigns.py",
        'raise Uncertain("POST campaigns',
        'raise Refused("POST campaigns',
        "a campaign that was made is forgotten",
    ),
    Mutant(
        "in-begun-is-draft",
        f"{AT}campaigns.py",
        '.get("status")) != 0',
        '.get("status")) == 0',
        "what runs counts as a draft",
    ),
    Mutant("in-tags-stay", f"{AT}campaigns.py", ', "email_tag_list": []', "", "mail goes out from others"),
    Mutant(
        "in-senders-are-trusted",
        f"{AT}campaigns.py",
        "if sender.lower() not in taken]",
        "if False]",
        "dropped mailboxes are not noticed",
    ),
    Mutant(
        "in-goes-on-after-a-reply",
        f"{AT}mapping.py",
        '"stop_on_reply": True',
        '"stop_on_reply": False',
        "who replied gets more mail",
    ),
    Mutant(
        "in-delays-shift",
        f"{AT}mapping.py",
        "for step in ordered[1:]] + [0]",
        "for step in ordered]",
        "each mail waits as the one before",
    ),
    Mutant(
        "in-sunday-is-7",
        f"{AT}mapping.py",
        "days = {day % 7 for day",
        "days = {day for day",
        "nothing is sent on Sundays",
    ),
    Mutant(
        "in-pace-elsewhere",
        f"{AT}mapping.py",
        '"daily_max_leads": value',
        '"daily_limit": value',
        "the pace is not kept",
    ),
    # Webhooks.
    Mutant(
        "in-hook-stays-off",
        f"{AT}webhooks.py",
        'if mapping.number(kept.get("status")) == mapping.DISABLED:',
        "if False:",
        "nothing is told any more",
    ),
    Mutant(
        "in-second-hook-stays",
        f"{AT}webhooks.py",
        "for other in others:",
        "for other in others[1:]:",
        "everything is told twice",
    ),
    Mutant(
        "in-hook-is-not-changed",
        f"{AT}webhooks.py",
        'await self._calls.put("PATCH", path, changes)',
        "pass",
        "events go to an old address",
    ),
    Mutant(
        "in-off-is-working",
        f"{AT}webhooks.py",
        'if mapping.number(row.get("status")) != mapping.DISABLED]',
        "]",
        "silence is not seen",
    ),
    Mutant(
        "in-unhooks-all",
        f"{AT}webhooks.py",
        'if row.get("campaign") == campaign:',
        "if True:",
        "the hook for all campaigns goes",
    ),
    Mutant(
        "in-hook-takes-the-key",
        f"{AT}webhooks.py",
        "await self._calls.optional(self._put_webhook(campaign, url))",
        "await self._put_webhook(campaign, url)",
        "a plan without webhooks loses the account",
    ),
    # Senders.
    Mutant("in-setting-up-sends", f"{AT}senders.py", " and not setting_up", "", "a mailbox is used that is not ready"),
]
