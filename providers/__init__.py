"""Everything that knows a provider. Imports nothing from `api`; one provider never imports another."""
