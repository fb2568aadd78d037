"""The errors of the local cluster: each says what is wrong and what to do about it."""

from pathlib import Path


class ClusterError(Exception):
    """Something a contributor can act on; the command line prints it without a trace."""


class MissingProgramsError(ClusterError):
    """Programs that the machine lacks, all named at once with the command that installs them."""


class CommandFailedError(ClusterError):
    """A program that we ran to its end failed.

    `output` holds the end of what it wrote.
    """

    def __init__(self, what: str, code: int, output: str) -> None:
        super().__init__(f"{what} failed with exit code {code}:\n{output.rstrip()}")
        self.code = code
        self.output = output


class DaemonDiedError(ClusterError):
    """A daemon ended while the cluster needed it; carries the end of its log."""

    def __init__(self, name: str, code: int | None, log: Path, tail: str) -> None:
        ended = "is not running" if code is None else f"ended with exit code {code}"
        super().__init__(f"{name} {ended}. The end of {log}:\n{tail.rstrip()}")
        self.name = name


class NotRunningError(ClusterError):
    """No cluster of ours is up on this machine."""

    def __init__(self) -> None:
        super().__init__("no cluster is up on this machine; start one: python -m tests.cluster up")
