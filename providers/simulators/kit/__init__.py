"""What every simulator is made of; nothing in here knows a provider.

- `store.Store(path, schema, first_ids)`: the SQLite file (`run insert insert_all many one all value setting
  put_setting transaction close`), which adds the tables of `tables.sql` and keeps `store.clock`.
- `clock.Clock`: `now() -> datetime`, `time() -> float`, `stamp() -> str`; beside it `zulu`, `parse`. Whatever is
  dated or scheduled reads `store.clock`; only the courier's retries and a player's pace keep the real time.
- `ledger.write(store, campaign, [(email, effect)], answered=, at=)`, `ledger.lines(store, campaign, since)`.
- `faults.Faults(store, switches)`: `draw(method, path) -> Strike` for a request, `on(name)` and
  `strikes(name)` for a standing switch. `faults.GENERAL` are the switches all have; a provider's own are
  `Switch(name, seconds, ends, standing)`: `Faults(store, (*OWN, *GENERAL))`.
- `limiter.Limiter("60/60", store.clock)`: `take(key) -> Budget(allowed, limit, remaining, resets_at,
  retry_after)`, or None without a limit; `sliding=True` for sliding windows.
- `options.Option(default, fits)`, `options.COMMON`, `options.read(store, OPTIONS)`, `options.change(...)`: what
  `PUT /settings` may set, from `{**COMMON, "dialect": Option("live", one_of("live", "minimal"))}`.
- `outbox.post(store, chosen, letter)` queues a webhook (duplicates, disorder); `Courier(store, faults, headers=,
  noted=).run()` delivers. `headers(row, content)` gives the provider's own; `noted(row, Attempt)` hears of each try.
- `answers.Vanished()` closes the connection, `truncated(response)` cuts the JSON, `stream(pieces, media_type)`.
- `control.Control(store, faults, OPTIONS, token)`: ledger, faults, settings, clock and deliveries. A provider
  subclasses it: `own_routes()` returns its Starlette routes, `campaign_key(text)` reads the id in `?campaign=`.
  A control method raises `UnclearError(status, message)`; `json_of(request)` and `object_of(request)` read bodies.
- `server.serve_pair(store, Listener(app, host, port), Listener(control, ...), jobs)` runs until SIGTERM or SIGINT;
  `server.check_control(host, token)` refuses a control without a token on a host that is not loopback.
"""
