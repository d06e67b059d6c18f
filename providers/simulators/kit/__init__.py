"""What every simulator is made of; nothing in here knows a provider.

- `store.Store(path, schema, first_ids)`: the SQLite file (`run insert insert_all many one all value setting
  put_setting transaction close`), which adds the tables of `tables.sql` and keeps `store.clock`.
- `clock.Clock`: `now() -> datetime`, `time() -> float`, `stamp() -> str`; beside it `zulu`, `parse`. Whatever is
  dated or scheduled reads `store.clock`; only the courier's retries and a player's pace keep the real time.
- `ledger.write(store, campaign, [(email, effect)], answered=, at=)`, `ledger.lines(store, campaign, since)`;
  `ledger.AddRequest(campaign, leads)` is what a provider's `adding(method, path, body)` reads from a raw request.
- `faults.Faults(store, switches)`: `draw(method, path) -> Strike` for a request, `on(name)` and
  `strikes(name)` for a standing switch. `faults.GENERAL` are the switches all have; a provider's own are
  `Switch(name, seconds, ends, standing)`: `Faults(store, (*OWN, *GENERAL))`.
- `limits.Limiter("60/60", store.clock)`: `take(key) -> Budget(allowed, limit, remaining, resets_at,
  retry_after)`, or None without a limit; `sliding=True` for sliding windows.
- `options.Option(default, fits)`, `options.COMMON`, `options.read(store, OPTIONS)`, `options.change(...)`: what
  `PUT /settings` may set, from `{**COMMON, "dialect": Option("live", one_of("live", "minimal"))}`.
- `outbox.post(store, chosen, letter)` queues a webhook (duplicates, order); `Courier(store, faults, headers=,
  noted=).run()` delivers. `headers(row, content)` gives the provider's own; `noted(row, Attempt)` hears of each try.
- `answers.RefusedError(status, body)`; `Vanished()` closes the connection, `truncated(response)` cuts the JSON,
  `stream(pieces, media_type)`.
- `routing.Routes(prefix)`: a provider's `Routes.on(...)` calls `add(method, path, terms)`; `ordered(routes)` is the
  table, `find(table, method, path)` and `matches(table, path)` look into it.
- `app.application(handle)`, and `app.Gate(store, faults, adding)`: `serve(request, body, early, work)` draws the
  faults around the work, `note_no_effect(request, body)` writes the ledger's lines of what changed nothing.
- `player.play(options, pace, step, always)` lets time pass; `player.Pace(most).due(chosen)` counts steps by `pace_ms`.
- `control.Control(store, faults, OPTIONS, token, Subject(campaigns, campaign, leads, EVENTS, play), own=routes)`:
  campaigns and leads, play, ledger, faults, settings, clock and deliveries. A control raises
  `UnclearError(status, message)`; `json_of(request)` and `object_of(request)` read bodies.
- `server.run(settings, open_store, OPTIONS, build)` runs until SIGTERM or SIGINT; `build(store, settings)` returns
  `Parts(provider, controls, jobs)`. Off loopback the controls need a token.
"""
