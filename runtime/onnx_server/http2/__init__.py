"""gRPC over HTTP/2 as an asyncio protocol: RFC 9113 (HTTP/2), RFC 7541 (HPACK), and gRPC's PROTOCOL-HTTP2.

`server.Server` is the door. Nothing here knows of models: it carries messages between clients and handlers.
"""
