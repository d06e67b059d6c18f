-- Every function that crosses a wall, and exactly who may call it.

grant execute on function ctx.scope()
to outbound_platform, outbound_org, outbound_company, outbound_worker, dashboard_org, dashboard_company;
grant execute on function ctx.org_id()
to outbound_platform, outbound_org, outbound_company, outbound_worker, outbound_public, dashboard_org, dashboard_company;
grant execute on function ctx.company_id() to outbound_org, outbound_company, outbound_worker;

grant execute on function ctx.open(text) to outbound_org, outbound_company, outbound_public;
grant execute on function ctx.open_job(text) to outbound_worker;
grant execute on function ctx.open_platform(text) to outbound_platform;
grant execute on function ctx.pre_request(), ctx.dashboard_may(text) to dashboard_org, dashboard_company;
grant execute on function ctx.list_tenants(uuid, integer), ctx.stop(uuid) to outbound_platform;

grant execute on function
ctx.begin_login(text), ctx.finish_login(text), ctx.refresh_session(text), ctx.link_lives(text), ctx.use_link(text),
ctx.note_used(text), ctx.take_requests(text), ctx.unsubscribe(text)
to outbound_public;
grant execute on function ctx.new_link(uuid, bytea, timestamptz) to outbound_org, outbound_company;
grant execute on function ctx.note_write(text, jsonb, text, uuid)
to outbound_platform, outbound_org, outbound_company;

grant execute on function
outbound.features_of(uuid, text), outbound.timezones_of(uuid, text), outbound.without_postal_address(),
outbound.suppressed_among(uuid, text[]), outbound.covering_keys(text, text, text)
to outbound_org, outbound_company;
grant execute on function outbound.lock_do_not_contact_ahead() to outbound_worker;

grant execute on function ctx.accept_webhooks(uuid[], bytea[], bytea[]) to outbound_public;
grant execute on function ctx.sweep(integer, double precision), ctx.due_work(uuid[], boolean), ctx.reconcile(integer), ctx.tidy()
to outbound_worker;
grant execute on function outbound.erase_tenant(uuid, integer), outbound.mark_suppressed(integer) to outbound_worker;

grant execute on function jobs.enqueue(text, uuid, timestamptz, boolean), jobs.steps_of(uuid),
jobs.settle(text, uuid, double precision, bigint) to outbound_worker;
grant execute on function jobs.wake(uuid, boolean) to outbound_org, outbound_company, outbound_worker;
grant execute on function jobs.rescue(double precision, bigint[]) to outbound_worker;
