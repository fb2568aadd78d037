"""The demo's error: what failed, where to look, and what to do."""


class DemoError(Exception):
    """Something that the person at the terminal can act on; printed without a trace.

    `look` are commands that show more, one a line.
    """

    def __init__(self, message: str, *look: str) -> None:
        super().__init__(message)
        self.look = look
