"""The command line: `python -m demo [up|down]`, in the repository's root."""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.cluster import ClusterError, down

from .errors import DemoError
from .names import CURRENT_DOWN
from .narration import Narrator

DESCRIPTION = """\
Plays the product's main job, end to end, on a real cluster: a model in a bucket, `helm install`, `kubectl apply`,
right answers over the Open Inference Protocol, repair, a bad version and a good one. The cluster stays up."""

EPILOG = """\
Environment:
  CLUSTER=current   play on the current kubeconfig context instead of a local cluster; also needs IMAGE_REGISTRY,
                    DEMO_BUCKET (s3://bucket/prefix), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and where they apply
                    AWS_REGION, AWS_ENDPOINT_URL and AWS_SESSION_TOKEN
  NO_COLOR          no colours"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo or clean up after it; return 0 when all was as it should be, 1 when not, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=("up", "down"), default="up", help="default: up")
    parser.add_argument(
        "--kill-operator", action="store_true", help="kill all of the operator's pods right after `kubectl apply`"
    )
    chosen = parser.parse_args(arguments)
    narrator = Narrator()
    try:
        if chosen.command == "down":
            return _down(narrator)
        _up(narrator, kill_operator=chosen.kill_operator)
    except (DemoError, ClusterError) as error:
        return _failed(narrator, error)
    except KeyboardInterrupt:
        narrator.bad("Interrupted. What runs stays: start again with `make demo`, or end it with `make demo-down`.")
        return 130
    return 0


def _up(narrator: Narrator, *, kill_operator: bool) -> None:
    # Late, because importing scikit-learn and ONNX Runtime takes seconds that `down` need not.
    from .current_place import CurrentPlace  # noqa: PLC0415
    from .local_place import LocalPlace  # noqa: PLC0415
    from .story import tell  # noqa: PLC0415

    chosen = os.environ.get("CLUSTER", "")
    if chosen not in ("", "local", "current"):
        raise DemoError(f"CLUSTER={chosen} is neither `local` (the default) nor `current`.")
    tell(CurrentPlace() if chosen == "current" else LocalPlace(), narrator, kill_operator=kill_operator)


def _down(narrator: Narrator) -> int:
    from . import s3_server  # noqa: PLC0415

    there = s3_server.down()
    if os.environ.get("CLUSTER") == "current":
        narrator.say("CLUSTER=current: the demo removes nothing from your cluster. To do it yourself:")
        narrator.typed([f"  $ {CURRENT_DOWN}"])
        return 0
    there = down() or there
    narrator.good("The cluster and the S3 server are gone; only the cache is left." if there else "Nothing was up.")
    return 0


def _failed(narrator: Narrator, error: DemoError | ClusterError) -> int:
    first, *rest = str(error).splitlines()
    narrator.bad(first)
    narrator.output("\n".join(rest))
    if isinstance(error, DemoError) and error.look:
        narrator.say("To see more:")
        for line in error.look:
            narrator.lines([f"$ {line}"])
    narrator.say("What runs stays as it is. `make demo` plays it again, `make demo-down` ends it.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
