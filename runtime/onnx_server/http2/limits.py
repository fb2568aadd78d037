"""What one client may use, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GrpcLimits:
    """Bounds of the transport. Sizes are in bytes, times in seconds and kept to about a second.

    A call that breaks a bound of its own ends with a status; one that breaks the connection's ends it with GOAWAY.
    """

    max_message_bytes: int = 64 << 20
    """One request message, as sent and decompressed: RESOURCE_EXHAUSTED."""
    max_buffered_bytes: int = 1 << 30
    """What the server holds of unfinished requests, unread stream messages and unsent answers: RESOURCE_EXHAUSTED."""
    max_streams: int = 1024
    """Calls that one connection may have open: the stream is refused, which clients retry."""
    max_header_bytes: int = 16 << 10
    """A request's headers, each with 32 bytes more than its name and value (RFC 9113 §6.5.2): RESOURCE_EXHAUSTED."""
    max_connections: int = 4096
    """Open connections: another one is told to go away."""
    stream_window: int = 4 << 20
    """What a client may send of one call before it is read (RFC 9113 §5.2)."""
    connection_window: int = 16 << 20
    """What a client may send of all its calls before the transport has seen it."""
    preface_seconds: float = 10.0
    """From the connection's start to the client's first frames."""
    receive_seconds: float = 60.0
    """For one request message, or one header block, to arrive: DEADLINE_EXCEEDED."""
    send_seconds: float = 60.0
    """Without any progress while an answer waits for the client to read."""
    idle_seconds: float = 300.0
    """Without a call, until the connection is ended politely."""
    ping_seconds: float = 60.0
    """Without a sign of the client, until it is pinged."""
    ping_timeout_seconds: float = 20.0
    """For the client to answer a ping."""
    max_age_seconds: float | None = None
    """Until a connection is ended politely, 10 % more or less, so that clients find new servers. None: never."""
    max_age_grace_seconds: float = 60.0
    """For the calls of a connection that became too old."""
