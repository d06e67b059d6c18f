-- name: wanted_views :many
-- The view that all due views are: made from the catalog whenever a subject's page brings one, so that none can be
-- forgotten, and as one view so that `ctx.due_work` has one plan for it.
select
  'jobs.due' as name,
  'create or replace view jobs.due with (security_invoker = true) as ' || string_agg(
    format('select d.org_id, %%L as task, d.subject, d.step, d.due_at from jobs.%%I as d', t.task, t.view_name),
    ' union all ' order by t.view_name
  ) as statement
from jobs.due_tasks() as t
having count(*) > 0;
