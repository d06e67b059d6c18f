"""Damage to Smartlead's client."""

from tests.prove.providers.mutant import Mutant

AT = "providers/smartlead/"

OF_SMARTLEAD = [
    # All calls.
    Mutant("sl-puts-are-doubted", f"{AT}calls.py", "repeatable=True", "repeatable=False", "changes are asked about"),
    Mutant(
        "sl-first-page-only",
        f"{AT}calls.py",
        "            if len(rows) < size:\n                return\n",
        "            return\n",
        "mailboxes and people beyond the first page are not seen",
    ),
    Mutant("sl-no-key", f"{AT}calls.py", 'query={"api_key": access.api_key}', "query={}", "no request is let in"),
    Mutant(
        "sl-rows-not-under-data",
        f"{AT}calls.py",
        '.get("data") or answer.body',
        '.get("rows") or answer.body',
        "no rows",
    ),
    # Campaigns.
    Mutant(
        "sl-active", f"{AT}campaigns.py", '"START" if active', '"ACTIVE" if active', "that word is refused as input"
    ),
    Mutant(
        "sl-start-and-pause",
        f"{AT}campaigns.py",
        '"START" if active else "PAUSED"',
        '"PAUSED" if active else "START"',
        "mail goes out while paused",
    ),
    Mutant(
        "sl-no-marker", f"{AT}mapping.py", 'return f"{name} [{marker}]"', "return name", "a lost campaign is made twice"
    ),
    Mutant(
        "sl-create-again",
        f"{AT}campaigns.py",
        'body={"name": mapping.campaign_name(name, marker)}\n        )',
        'body={"name": mapping.campaign_name(name, marker)}, repeatable=True\n        )',
        "a lost campaign is made twice",
    ),
    Mutant(
        "sl-any-marker", f"{AT}campaigns.py", "marker in str(row", "marker[:4] in str(row", "another campaign is found"
    ),
    Mutant(
        "sl-create-without-id-is-refused",
        f"{AT}campaigns.py",
        'raise Uncertain("POST campaigns/create',
        'raise Refused("POST campaigns/create',
        "a campaign that was made is forgotten",
    ),
    Mutant(
        "sl-gone-has-not-begun",
        f"{AT}campaigns.py",
        'raise Refused("there is no such campaign", status=404)',
        "return False",
        "a campaign that is gone counts as a draft",
    ),
    Mutant(
        "sl-begun-is-draft", f"{AT}campaigns.py", ".upper() not in (", ".upper() in (", "what runs counts as a draft"
    ),
    Mutant(
        "sl-steps-lose-their-ids",
        f"{AT}campaigns.py",
        'ids = {str(row.get("seq_number")): row.get("id") for row in rows_of(answer)}',
        "ids: dict[str, object] = {}",
        "the figures of each step are orphaned",
    ),
    Mutant(
        "sl-senders-stay", f"{AT}campaigns.py", "attached - set(senders)", "set[str]()", "mail goes out from others"
    ),
    Mutant(
        "sl-senders-are-added-again",
        f"{AT}campaigns.py",
        '{"email_account_ids": unwanted}, method="DELETE"',
        '{"email_account_ids": unwanted}',
        "mail goes out from others",
    ),
    Mutant("sl-sunday-is-7", f"{AT}mapping.py", "day % 7 for day", "day for day", "nothing is sent on Sundays"),
    Mutant(
        "sl-pace-elsewhere",
        f"{AT}mapping.py",
        '"max_new_leads_per_day": value',
        '"max_leads_per_day": value',
        "no pace",
    ),
    Mutant("sl-all-fields", f"{AT}mapping.py", "MOST_FIELDS))", "200))", "one field more may refuse a whole batch"),
    Mutant("sl-tracked", f"{AT}mapping.py", "if not tracked]", "if tracked]", "what is not to be tracked is"),
    # People.
    Mutant(
        "sl-add-again",
        f"{AT}leads.py",
        "body=mapping.add_leads(leads))",
        "body=mapping.add_leads(leads), repeatable=True)",
        "people are added twice",
    ),
    Mutant(
        "sl-find-first-page-only",
        f"{AT}leads.py",
        "            if len(rows) < PAGE:\n                break",
        "            break",
        "people who were added are thought missing",
    ),
    Mutant("sl-no-slack", f"{AT}mapping.py", "timedelta(minutes=10)", "timedelta(0)", "clocks that differ hide people"),
    Mutant("sl-slack-forward", f"{AT}mapping.py", "(since - timedelta", "(since + timedelta", "nobody is found"),
    Mutant(
        "sl-found-anywhere",
        f"{AT}leads.py",
        'if "id" in row and campaign in campaigns',
        'if "id" in row',
        "of another campaign",
    ),
    Mutant(
        "sl-stop-and-pause",
        f"{AT}leads.py",
        "'unsubscribe' if for_good else 'pause'",
        "'pause' if for_good else 'unsubscribe'",
        "who asked for peace gets mail later",
    ),
    Mutant(
        "sl-pause-resumes", f"{AT}leads.py", '/leads/{lead}/pause", {})', '/leads/{lead}/resume", {})', "mail goes out"
    ),
    Mutant(
        "sl-resume-pauses",
        f"{AT}leads.py",
        '/leads/{lead}/resume", {})',
        '/leads/{lead}/pause", {})',
        "no mail goes out",
    ),
    Mutant(
        "sl-blocked-are-added",
        f"{AT}mapping.py",
        '"ignore_global_block_list": False',
        '"ignore_global_block_list": True',
        "blocked people get mail",
    ),
    Mutant(
        "sl-unsubscribed-are-added",
        f"{AT}mapping.py",
        '"ignore_unsubscribe_list": False',
        '"ignore_unsubscribe_list": True',
        "unsubscribed people get mail",
    ),
    Mutant(
        "sl-others-are-left-out",
        f"{AT}mapping.py",
        '_in_other_campaign": True',
        '_in_other_campaign": False',
        "people of two campaigns",
    ),
    Mutant(
        "sl-all-placed",
        f"{AT}mapping.py",
        'answer.get("ok") is True and placed == sent:',
        'answer.get("ok") is True:',
        "people are said to be there who are not",
    ),
    Mutant(
        "sl-unsubscribed-unheard",
        f"{AT}mapping.py",
        'refused |= dict.fromkeys(_emails(answer.get("unsubscribed_leads")), "unsubscribed")',
        "pass",
        "they stay open",
    ),
    Mutant(
        "sl-blocked-stay-open",
        f"{AT}mapping.py",
        'return Outcome.FAILED, "not_accepted"',
        "return Outcome.UNCERTAIN, None",
        "blocked people are asked about",
    ),
    Mutant(
        "sl-blocked-in-provider-words",
        f"{AT}mapping.py",
        'return Outcome.FAILED, "not_accepted"',
        'return Outcome.FAILED, "block_count"',
        "companies read a provider's word",
    ),
    Mutant(
        "sl-blocked-whoever-is-left",
        f"{AT}mapping.py",
        "blocked == left and placed",
        "blocked and placed",
        "people who may be there are said to be refused",
    ),
    Mutant(
        "sl-blocked-without-the-sum",
        f"{AT}mapping.py",
        " and placed + refused + blocked == sent:",
        ":",
        "people who may be there are said to be refused",
    ),
    Mutant(
        "sl-blocked-though-not-ok",
        f"{AT}mapping.py",
        'answer.get("ok") is True and blocked',
        "blocked",
        "an answer that is none refuses people",
    ),
    Mutant(
        "sl-refused-do-not-count",
        f"{AT}mapping.py",
        "(len(as_list(unsubscribed)) or _number(unsubscribed))",
        "0",
        "blocked people are asked about",
    ),
    # The block list.
    Mutant(
        "sl-block-first-batch-only",
        f"{AT}block_list.py",
        "for start in range(0, len(entries), BATCH):",
        "for start in range(0, min(len(entries), BATCH), BATCH):",
        "the rest is not blocked",
    ),
    Mutant(
        "sl-block-all-at-once",
        f"{AT}block_list.py",
        "list(entries[start : start + BATCH])",
        "list(entries[start:])",
        "a batch is longer than what is taken",
    ),
    Mutant(
        "sl-unblock-what-looks-alike",
        f"{AT}block_list.py",
        "if value in wanted:",
        "if True:",
        "people nobody named get mail",
    ),
    Mutant(
        "sl-unblock-many-none",
        f"{AT}block_list.py",
        "set(entries), [dict[str, str]()]",
        "set(entries), list[dict[str, str]]()",
        "many stay blocked",
    ),
    Mutant(
        "sl-unblock-many-one-by-one",
        f"{AT}block_list.py",
        "if len(wanted) <= FEW:",
        "if True:",
        "an hour's requests go into looking",
    ),
    Mutant(
        "sl-unblock-few-by-all",
        f"{AT}block_list.py",
        "if len(wanted) <= FEW:",
        "if not wanted:",
        "the whole list is read for one",
    ),
    Mutant(
        "sl-unblock-gone-fails",
        f"{AT}block_list.py",
        "if error.status != 404:  # gone",
        "if True:  # gone",
        "what is gone cannot be taken off",
    ),
    Mutant(
        "sl-unblock-refused-is-done",
        f"{AT}block_list.py",
        "if error.status != 404:  # gone",
        "if False:  # gone",
        "what is still blocked counts as free",
    ),
    Mutant(
        "sl-unblock-is-doubted",
        f"{AT}block_list.py",
        'params={"id": key}, repeatable=True',
        'params={"id": key}',
        "deleting is asked about",
    ),
    Mutant(
        "sl-blocked-first-page-only",
        f"{AT}block_list.py",
        "if len(rows) < min(PAGE, LEAST_PAGE):",
        "if True:",
        "entries beyond the first page are not seen",
    ),
    Mutant(
        "sl-blocked-long-pages-only",
        f"{AT}block_list.py",
        "min(PAGE, LEAST_PAGE)",
        "PAGE",
        "a list that comes in short pages ends early",
    ),
    Mutant(
        "sl-blocked-same-page",
        f"{AT}block_list.py",
        "offset + len(rows), rows",
        "offset + PAGE, rows",
        "a list that comes in short pages has holes",
    ),
    Mutant(
        "sl-blocked-circle",
        f"{AT}block_list.py",
        "if rows == before:",
        "if rows == before and len(found) > 100_000:",
        "a list that turns in a circle is read for long",
    ),
    Mutant(
        "sl-blocked-for-a-client",
        f"{AT}mapping.py",
        'if row.get("client_id") or not isinstance(value, str)',
        "if not isinstance(value, str)",
        "an entry of one client counts for all",
    ),
    Mutant(
        "sl-blocked-upper-case",
        f"{AT}mapping.py",
        "return value.strip().lower(), str(key)",
        "return value.strip(), str(key)",
        "what was written by hand is not found",
    ),
    Mutant(
        "sl-blocked-spaces",
        f"{AT}mapping.py",
        "return value.strip().lower(), str(key)",
        "return value.lower(), str(key)",
        "what was written by hand is not found",
    ),
    Mutant(
        "sl-blocked-any-id",
        f"{AT}mapping.py",
        " or not isinstance(key, int | str):",
        ":",
        "an entry without an id is deleted by none",
    ),
    Mutant(
        "sl-blocked-any-value",
        f"{AT}mapping.py",
        "or not isinstance(value, str) or",
        "or",
        "an odd row ends the reading",
    ),
    # Messages.
    Mutant(
        "sl-sent-before",
        f"{AT}facts.py",
        "if moment is None or moment < since:",
        "if moment is None or moment > since:",
        "old news only",
    ),
    Mutant(
        "sl-bounced-or-not",
        f"{AT}inbox.py",
        '{"email_status": "bounced"}',
        '{"email_status": "opened"}',
        "bounces are not seen",
    ),
    Mutant(
        "sl-unsubscribed-or-not", f"{AT}inbox.py", '"is_unsubscribed"}', '"is_paused"}', "people who left are not seen"
    ),
    Mutant(
        "sl-replies-dated-by-mail",
        f"{AT}inbox.py",
        "LATE = timedelta(hours=3)",
        "LATE = timedelta(0)",
        "late replies are missed",
    ),
    Mutant(
        "sl-replies-first-page-only",
        f"{AT}inbox.py",
        "            if len(rows) < REPLIES:\n                return\n",
        "            return\n",
        "replies beyond the first page are missed",
    ),
    Mutant(
        "sl-replies-of-others",
        f"{AT}inbox.py",
        ' if str(row.get("email_campaign_id")) in campaigns]',
        "]",
        "told twice",
    ),
    Mutant(
        "sl-reply-doubted", f"{AT}inbox.py", "                repeatable=True,\n", "", "reading replies is asked about"
    ),
    Mutant("sl-answers-the-first", f"{AT}inbox.py", "received[-1]", "received[0]", "the answer goes to an old mail"),
    Mutant(
        "sl-answer-again",
        f"{AT}inbox.py",
        'reply-email-thread", body=body)',
        'reply-email-thread", body=body, repeatable=True)',
        "people are answered twice",
    ),
    Mutant(
        "sl-answer-not-taken",
        f"{AT}inbox.py",
        '.get("ok") is False:',
        '.get("ok") is None:',
        "an answer is thought sent",
    ),
    Mutant(
        "sl-stranger-has-a-thread",
        f"{AT}inbox.py",
        'raise Refused("the person is not in the campaign", status=404)',
        "return []",
        "who is not in the campaign has an empty thread",
    ),
    Mutant(
        "sl-figures-elsewhere", f"{AT}facts.py", '"replied": "reply_count"', '"replied": "open_count"', "wrong figures"
    ),
    # Webhooks.
    Mutant(
        "sl-hook-again", f"{AT}webhooks.py", '"id": ours[0] if ours else None', '"id": None', "everything is told twice"
    ),
    Mutant(
        "sl-second-hook-stays", f"{AT}webhooks.py", "for other in ours[1:]:", "for other in ours[2:]:", "told twice"
    ),
    Mutant(
        "sl-hook-half",
        f"{AT}webhooks.py",
        "HookState.WORKING if complete",
        "HookState.WORKING if ours",
        "silence is not seen",
    ),
    Mutant(
        "sl-unhooks-others",
        f"{AT}webhooks.py",
        'if row.get("webhook_url") == url and "id" in row:',
        'if "id" in row:',
        "somebody else's goes",
    ),
    Mutant("sl-hook-without-replies", f"{AT}webhooks.py", '    "EMAIL_REPLY",\n', "", "replies are not told"),
    # Senders.
    Mutant(
        "sl-suspended-sends", f"{AT}senders.py", 'if row.get("is_suspended"):', "if False:", "a dead mailbox is used"
    ),
]
