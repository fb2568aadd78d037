"""Runs the commands that a person would type, and shows them; asks what only the demo wants to know without a word."""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.cluster.paths import TREE

from .errors import DemoError
from .narration import INDENT, WIDTH, Narrator

QUESTION_LIMIT: Final = 60.0
"""Seconds that a question without a limit of its own may take."""


class Shell:
    """Commands in the repository's root, with `environment` over the demo's own."""

    def __init__(self, narrator: Narrator, environment: Mapping[str, str]) -> None:
        self.narrator = narrator
        # What a program writes is shown indented, and `kubectl onnx` asks how wide it may be.
        self.environment = {**os.environ, "COLUMNS": str(WIDTH - 2 * len(INDENT)), **environment}

    def run(
        self, *command: str, look: Sequence[str] = (), given: str | None = None, limit: float | None = QUESTION_LIMIT
    ) -> str:
        """Show a command, run it, show what it wrote, return its stdout; raise DemoError where it fails.

        `given` is its stdin, `limit` in seconds; `look` are commands that tell more about a failure.
        """
        self.narrator.command(command)
        return self._finish(command, look, given, limit, shown=True)

    def pipe(self, *parts: str) -> str:
        """Show and run shell commands, the output of each the input of the next; as `run` does."""
        shown = [f"  $ {parts[0]} \\", *(f"      | {part} \\" for part in parts[1:])]
        self.narrator.typed([*shown[:-1], shown[-1].removesuffix(" \\")])
        return self._finish(("bash", "-o", "pipefail", "-c", " | ".join(parts)), (), None, QUESTION_LIMIT, shown=True)

    def ask(self, *command: str, given: str | None = None, limit: float = QUESTION_LIMIT) -> str:
        """Run a command without showing it; return its stdout."""
        return self._finish(command, (), given, limit, shown=False)

    def ask_json(self, *command: str) -> Any:
        """Run a command without showing it; return the JSON that it wrote."""
        return json.loads(self.ask(*command, "-o", "json"))

    def follow(self, *command: str) -> None:
        """Show a command and let it write to the terminal itself, as it goes."""
        self.narrator.command(command)
        program = self._found(command)
        if subprocess.run(program, env=self.environment, cwd=TREE, stdin=subprocess.DEVNULL, check=False).returncode:
            raise DemoError(f"`{shlex.join(command)}` failed; it says above why.")

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a command whose stdout is read as it comes."""
        return subprocess.Popen(
            self._found(command),
            env=self.environment,
            cwd=TREE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _finish(
        self, command: Sequence[str], look: Sequence[str], given: str | None, limit: float | None, *, shown: bool
    ) -> str:
        try:
            done = subprocess.run(
                self._found(command),
                env=self.environment,
                cwd=TREE,
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"`{shlex.join(command)}` did not end within {limit:.0f} s.", *look) from None
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise DemoError(f"`{shlex.join(command)}` failed with exit code {done.returncode}:\n{said}", *look)
        if shown:
            self.narrator.output(done.stdout + done.stderr)
        return done.stdout

    def _found(self, command: Sequence[str]) -> list[str]:
        if "/" in command[0]:
            return list(command)
        # The program is looked up in the PATH that is shown, not in the demo's own.
        for folder in self.environment.get("PATH", "").split(os.pathsep):
            program = os.path.join(folder, command[0])  # noqa: PTH118  (an empty entry means here)
            if os.access(program, os.X_OK) and not os.path.isdir(program):  # noqa: PTH112
                return [program, *command[1:]]
        raise DemoError(f"`{command[0]}` is not on the PATH: install it, or put its folder there.")
