"""A simulator of Instantly's API v2: campaigns, leads, mailboxes, the unibox, webhooks."""
