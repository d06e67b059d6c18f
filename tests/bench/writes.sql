-- name: copy_people :exec
-- The same people into the twin, which has the same indexes and neither fence nor generated columns.
copy bench.leads (
  org_id, company_id, email, email_key, domain_key, domain_path, first_name, last_name, company_name, custom
) from stdin;

-- name: twin_defaults :exec
-- What the fenced table fills in by itself.
alter table bench.leads
alter column id set default outbound.uuid_v7(),
alter column created_at set default now(),
alter column updated_at set default now();

-- name: account :one
-- An account that is never worked on.
insert into outbound.provider_accounts (org_id, provider, credential_hmac)
values (%(org_id)s, 'smartlead', %(hmac)s)
returning id;

-- name: connection :exec
-- A connection that is not polled, with a webhook path of its own.
insert into outbound.connections (
  org_id, company_id, capability, provider, account_id, status, credential, hook_token, hook_hmac
)
values (
  %(org_id)s, %(company_id)s, 'email_outreach', 'smartlead', %(account_id)s, 'disconnected', '\x00', '\x00',
  %(hook_hmac)s
);

-- name: bare_webhooks :exec
-- Where pgbench puts the same bytes: the same indexes, no fence, no job.
create table bench.webhooks (like outbound.inbound_webhooks including defaults including indexes);

-- name: insert_webhook :exec
-- One webhook as pgbench stores it: as many bytes as the sealed body has.
insert into bench.webhooks (org_id, company_id, connection_id, body_sha256, body)
values (
  '01a00000-0000-7000-8000-000000000001', '01a00000-0000-7000-8000-000000000002',
  '01a00000-0000-7000-8000-000000000003', sha256(convert_to(random()::text || clock_timestamp()::text, 'UTF8')),
  decode(repeat('ab', 240), 'hex')
);

-- name: pushed :one
-- How many of a campaign's people are handed over, and the seconds between the first attempt and the last answer.
select
  count(*) filter (where e.push_state = 'pushed') as pushed,
  extract(epoch from max(e.pushed_at) - min(e.push_attempted_at))::float8 as seconds
from outbound.campaign_leads as e
where e.campaign_id = %(campaign_id)s;
