-- Every function that crosses a wall, and exactly who may call it.

set role outbound_owner;

grant execute on function ctx.scope() to outbound_org, outbound_company, outbound_worker;
grant execute on function ctx.org_id() to outbound_org, outbound_company, outbound_worker, outbound_public;
grant execute on function ctx.company_id() to outbound_org, outbound_company, outbound_worker;

grant execute on function ctx.open(text) to outbound_org, outbound_company, outbound_public;
grant execute on function ctx.open_job(text) to outbound_worker;
grant execute on function ctx.accept_webhook(uuid, bytea, bytea) to outbound_public;
grant execute on function ctx.due_work() to outbound_worker;

grant execute on function jobs.enqueue(text, uuid, timestamptz) to outbound_worker;
grant execute on function jobs.wake(uuid) to outbound_org, outbound_company, outbound_worker;
grant execute on function jobs.rescue(double precision, bigint[]) to outbound_worker;

reset role;
