"""The command line: ``onnx-operator run``, ``check``, ``worst`` and ``crd``."""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from onnx_operator import __version__
from onnx_operator.api.crd import manifest
from onnx_operator.kube.errors import KubeError
from onnx_operator.settings import Settings
from onnx_operator.wiring.check import Installation, check
from onnx_operator.wiring.logs import set_up_logs
from onnx_operator.wiring.process import run
from onnx_operator.wiring.worst import fetch

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "crd":
        sys.stdout.write(manifest())
        return 0
    try:
        if options.command == "check":
            installation = Installation(options.url, options.replicas, options.namespace)
            return 0 if asyncio.run(check(installation, options.timeout, print)) else 1
        if options.command == "worst":
            secret = (options.own_namespace, options.signing_secret)
            write = sys.stdout.buffer.write
            return 0 if asyncio.run(fetch(options.model, options.digest, secret, write, _say)) else 1
        set_up_logs(options.log_level, options.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings_of(options)))
    except KubeError as error:
        sys.stderr.write(f"onnx-operator: {error}\n")
        return 1
    return 0


class Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Names the defaults of options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return super()._get_help_string(action) if action.default not in (None, "") else action.help


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    made = argparse.ArgumentParser(prog="onnx-operator", description="Serve ONNX models on Kubernetes.")
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    _add_check(commands)
    _add_worst(commands)
    run_ = commands.add_parser(
        "run",
        help="run the operator",
        formatter_class=Defaults,
        description="Run the operator in the cluster of its pod, or of the current kubeconfig context.",
    )
    run_.add_argument("--server-image", required=True, help="server image of new revisions that name none")
    run_.add_argument(
        "--namespaces", default="", help="namespaces to watch, separated by commas; empty is the whole cluster"
    )
    _add_signing_secret(run_)
    run_.add_argument("--workers", type=_at_least_one, default=Settings.workers, help="models reconciled at a time")
    run_.add_argument(
        "--resync", type=_seconds, default=Settings.resync, help="seconds between full lists of the cluster"
    )
    run_.add_argument(
        "--request-timeout",
        type=_seconds,
        default=Settings.request_timeout,
        help="seconds for a call to the API server",
    )
    run_.add_argument("--lease", default=Settings.lease, help="name of the Lease, in the same namespace")
    run_.add_argument(
        "--lease-duration",
        type=_seconds,
        default=Settings.lease_duration,
        help="seconds after which another replica takes over from one that went silent",
    )
    run_.add_argument(
        "--drain",
        type=_at_least_one,
        default=Settings.drain,
        help="seconds that pods of new revisions go on serving after SIGTERM",
    )
    run_.add_argument(
        "--http-port", type=int, default=Settings.http_port, help="port of /healthz, /readyz and /metrics"
    )
    run_.add_argument(
        "--debug-port",
        type=int,
        default=Settings.debug_port,
        help="port of /debug/models/NAMESPACE/NAME, on 127.0.0.1 only: reach it by kubectl port-forward; 0 is none",
    )
    run_.add_argument(
        "--prometheus-url", default=Settings.prometheus_url, help="where the queries of all models' analysis are asked"
    )
    run_.add_argument(
        "--prometheus-token-file", default=Settings.prometheus_token_file, help="file with a bearer token for it"
    )
    run_.add_argument(
        "--webhook-hosts",
        default="",
        help="HOST or HOST:PORT of webhooks that models' analysis may name, separated by commas; empty is none",
    )
    run_.add_argument(
        "--analysis-ca-file", default=Settings.analysis_ca_file, help="CA certificates (PEM) to trust of all these"
    )
    run_.add_argument("--log-level", default=Settings.log_level, choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    run_.add_argument("--log-format", default=Settings.log_format, choices=["json", "text"])
    return made


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check_ = commands.add_parser(
        "check",
        help="check that an installation works, as `helm test` does",
        formatter_class=Defaults,
        description="Check that all replicas of the operator are ready, that one of them leads, that the API is served "
        "and that a model would be admitted (a dry run: nothing is created). Says what does not work, with the remedy, "
        "and ends with 1 then.",
    )
    check_.add_argument(
        "--url", required=True, help="http://NAME:PORT of the operator's endpoints; every address of the name is asked"
    )
    check_.add_argument("--replicas", type=_at_least_one, default=1, help="replicas that there should be")
    check_.add_argument("--namespace", default="default", help="namespace that a model would be admitted to")
    check_.add_argument("--timeout", type=_seconds, default=60.0, help="seconds to wait for what does not work yet")


def _add_worst(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    worst = commands.add_parser(
        "worst",
        help="print the inputs of a copy whose outputs differed most",
        formatter_class=Defaults,
        description="In the operator's pod, which alone may ask the models' pods: list the copies of a running rollout "
        "whose outputs differed most; or print the inputs of one of them, if spec.rollout.analysis.outputs.keepInputs "
        "is Worst, as the body of an inference request. Ends with 1 if there are none.",
    )
    worst.add_argument("model", type=_key, metavar="NAMESPACE/NAME", help="the ONNXModel")
    worst.add_argument(
        "digest", type=_digest, nargs="?", default="", help="sha256:..., of the list; left out: the list"
    )
    _add_signing_secret(worst)


def _add_signing_secret(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--own-namespace", default=_own_namespace(), help="namespace of the Secret with the operator's signing key"
    )
    command.add_argument("--signing-secret", default=Settings.signing_secret, help="name of that Secret")


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that a command line gives; it ends the process where they do not fit together."""
    named = {name: value for name, value in vars(options).items() if name in Settings.__dataclass_fields__}
    lists = {name: _parts(named[name]) for name in ("namespaces", "webhook_hosts")}
    try:
        return Settings(**{**named, **lists})
    except ValueError as error:
        parser().error(str(error))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _own_namespace() -> str:
    if namespace := os.environ.get("POD_NAMESPACE"):
        return namespace
    return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "default"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _key(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise argparse.ArgumentTypeError("must be NAMESPACE/NAME")
    return namespace, name


def _digest(text: str) -> str:
    if text and not re.fullmatch("sha256:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("must be sha256: and 64 digits, as the list has it")
    return text


def _seconds(text: str) -> float:
    if (value := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be a positive number of seconds")
    return value


def _at_least_one(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
