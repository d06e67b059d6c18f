-- Read-only views for dashboards. None yet: the roles exist and hold nothing.

revoke all on schema dashboard from public;
