"""Local stand-ins for the providers: real HTTP servers which keep state, for development and tests."""
