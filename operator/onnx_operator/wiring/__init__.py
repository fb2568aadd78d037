"""Puts the parts together into a process: kopf as the transport of events, the engine, the health endpoint."""
