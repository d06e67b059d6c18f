"""Local stand-ins for the providers: real HTTP servers which keep state, for development and tests.

All are laid out alike, and `tests/architecture/test_simulators.py` holds it; a new one is written by this. `kit/` is
what they share, and knows none of them. At the root of each, one file for each role:

- `app`: who may ask, and who answers; `server`: runs it; `control`: its own controls; `routes`: the table of endpoints.
- `requests`: a request as a handler sees it, and the answers; `validation`: the rules of queries and bodies.
- `state`: the state file, the settings and the faults; `accounts`: whose key it is, and what each starts with;
  `limits`: the request budget; `ledger`: which requests add leads; `inspection`: what stands there, for tests.
- `player`: lets time pass; `script`: what a lead does by itself; `enrolment`: a lead in a campaign, with all that a
  message to it needs; `events`: what can happen to it, which changes the state and publishes webhooks.

Everything else is in a folder by its subject, of those that a provider has: `campaigns`, `leads`, `inbox`, `senders`,
`webhooks`, `figures`, and `common` for what several of them share. There stand the endpoints that our clients
request. Those that only other people's clients call are in `compat`, which nothing but `routes` imports. Imports
go one way between all of these, as import-linter holds: `routes` on top, `common` and `validation` at the bottom.
"""
