"""What ends a measurement: a server or a tool that did not do what it was asked, never a slow one."""


class BenchmarkError(Exception):
    """A server did not start, answered wrongly, or a load tool failed; the message says which, and what it said."""
