-- LinkedIn: steps that are not emails, and providers whose lists show people late. And budgets by the hour.

set role outbound_owner;

alter table outbound.sequence_steps drop constraint sequence_steps_type_check;
alter table outbound.sequence_steps add constraint sequence_steps_type_check check (
  type in ('email', 'connection_request', 'message', 'inmail', 'profile_view', 'follow')
);

-- Asked about somebody, a provider that lists people late showed nothing: when to ask again.
alter table outbound.campaign_leads add column push_ask_after timestamptz;

-- What was sent to an account in each of the last 61 minutes, the newest first: an hour's limit holds for any hour.
alter table outbound.provider_accounts add column used_by_minute integer[] not null default '{}';
alter table outbound.provider_accounts add column used_minute timestamptz not null
default date_trunc('minute', now());

-- What can be done through whom, in words that name nobody: a company is shown it.
alter table outbound.providers add column features jsonb not null default '{}'
check (jsonb_typeof(features) = 'object');

reset role;

-- As the migrator, like the rows themselves.
update outbound.providers as p
set features = jsonb_build_object('step_types', f.step_types, 'events', f.events)
from (
  values
  (
    'email_outreach',
    array['email'],
    array[
      'message.sent', 'message.opened', 'message.clicked', 'message.replied', 'message.bounced', 'lead.unsubscribed',
      'lead.interested'
    ]
  ),
  (
    'linkedin_outreach',
    array['connection_request', 'message', 'inmail', 'profile_view', 'follow'],
    array['connection_request.sent', 'connection_request.accepted', 'message.sent', 'message.replied']
  )
) as f (capability, step_types, events)
where p.capability = f.capability;
