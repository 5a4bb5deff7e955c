"""The operations, one module per resource: parse, find, call a service, answer."""
