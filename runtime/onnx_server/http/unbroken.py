"""A connection that the server ends only between requests: whatever came on it is answered first."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Where the ASGI app finds whether more has come on the connection than the request that it answers.
MORE = "onnx_server.more"


class UnbrokenConnection(HttpToolsProtocol):
    """uvicorn's connection, where a request that came behind another one (pipelined) outlives the end too.

    uvicorn itself ends a connection with the answer that is under way, whatever else was read from it.
    """

    _receiving = False
    _ending = False

    def more(self) -> bool:
        """Whether a request waits behind the one that is being answered, or has begun to come."""
        return bool(self.pipeline) or self._receiving

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._receiving = True
        self.scope["extensions"] = {MORE: {"told": self.more}}

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._receiving = False
        super().on_message_complete()

    def shutdown(self) -> None:
        """End the connection: at once if it is idle, else after the last answer."""
        if self.more():
            self._ending = True
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        """Go on with the request that waits behind, or end the connection if it shall end."""
        super().on_response_complete()
        if self._ending and self.cycle.response_complete and not self.more():
            self.transport.close()
