"""The control port: facts for the operator, never behind a Service, nothing without a signed token."""
