"""The command line: `onnx-server serve`, `fetch`, `profile` and `schema`."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import orjson

from onnx_server import __version__, logs, termination
from onnx_server.failures import Failure, Reason
from onnx_server.settings import server as settings

log = logging.getLogger("onnx_server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status: 0, 1 for a typed failure, 128 + a signal; argparse ends with 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    status = _run(parser, options)
    if options.command == "fetch" and arguments is None:
        # The interpreter's orderly end takes itself away from threads of the store's client that still run: they abort.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
    return status


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.command == "serve" and options.load_model and options.load != "explicit":
        parser.error("--load-model goes with --load explicit: else all models are loaded")
    if options.command == "schema":
        print(orjson.dumps(settings.schema(), option=orjson.OPT_INDENT_2).decode())
        return 0
    logs.configure(options.log_format)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, _terminated)
    try:
        if options.command == "fetch":
            _fetch(options)
        elif options.command == "profile":
            _profile(options)
        else:
            _serve(options)
    except _Terminated as terminated:
        return terminated.status
    except Failure as failure:
        return _ended(failure, options.termination_log)
    except Exception as error:
        log.exception("bug: unexpected error")
        reason = Reason.STORE_UNREACHABLE if options.command == "fetch" else Reason.MODEL_LOAD_FAILED
        return _ended(Failure(reason, f"unexpected {type(error).__name__}: {error}"), options.termination_log)
    return 0


class _Terminated(SystemExit):
    """A signal ends the program."""

    def __init__(self, signum: int) -> None:
        self.status = 128 + signum
        super().__init__(self.status)


def _terminated(signum: int, _frame: FrameType | None) -> None:
    """End at once. As a container's first process we get no signal that we do not handle; `serve` drains later on."""
    raise _Terminated(signum)


def _ended(failure: Failure, path: Path) -> int:
    log.error(failure.message, extra={"reason": failure.reason.value})
    termination.leave(path, termination.failed(failure))
    return 1


def _fetch(options: argparse.Namespace) -> None:
    from onnx_server.repository.fetch import fetch  # noqa: PLC0415  `serve` and `schema` need no store

    fetched = fetch(
        options.uri,
        options.directory,
        sha256=options.sha256,
        live=options.live,
        max_bytes=options.max_bytes,
        timeout=options.timeout,
    )
    log.info("fetched" if not fetched.reused else "already there and verified", extra=fetched.message())
    print(orjson.dumps(fetched.message()).decode())
    termination.leave(options.termination_log, fetched.message())


def _serve(options: argparse.Namespace) -> None:
    from onnx_server import serve  # noqa: PLC0415  `fetch` and `schema` need no web server

    serve.serve(options)


def _profile(options: argparse.Namespace) -> None:
    from onnx_server.profile import profile  # noqa: PLC0415  the others do not need it

    print("\n".join(profile(options).lines()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onnx-server", description="Serve ONNX models by the Open Inference Protocol (v2)."
    )
    parser.add_argument("--version", action="version", version=f"onnx-server {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{serve,fetch,profile,schema}")

    serve = commands.add_parser("serve", help="serve a model, or a repository of many")
    serve.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="an .onnx file, a directory that holds one, or a model repository of NAME/VERSION/model.onnx",
    )
    serve.add_argument(
        "--load",
        choices=["all", "explicit"],
        help="of a model repository, what to load at the start (default: all); explicit: --load-model, and what "
        "clients ask for",
    )
    serve.add_argument(
        "--load-model",
        action="append",
        default=[],
        metavar="NAME",
        help="load this model of the repository at the start; may be given several times, with --load explicit",
    )
    serve.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="server.yaml; see `onnx-server schema`. Variables ONNX_SERVER_* come before it",
    )
    serve.add_argument("--live", type=Path, metavar="DIR", help="directory with the operator's public keys")
    serve.add_argument("--host", default="", help="address to listen on (default: all, IPv4 and IPv6)")
    serve.add_argument("--http-port", type=_port, default=8000, metavar="PORT", help="protocol (default: 8000)")
    serve.add_argument("--grpc-port", type=_port, default=8001, metavar="PORT", help="protocol, gRPC (default: 8001)")
    serve.add_argument("--metrics-port", type=_port, default=8002, metavar="PORT", help="Prometheus (default: 8002)")
    serve.add_argument("--control-port", type=_port, default=9000, metavar="PORT", help="control (default: 9000)")
    _common(serve)

    fetch = commands.add_parser("fetch", help="bring a model from a store to a directory and verify it")
    fetch.add_argument(
        "uri", metavar="URI", help="s3, gs, az, https, http or file URI, or a path; a directory ends in /"
    )
    fetch.add_argument("directory", type=Path, metavar="DIR", help="where to")
    fetch.add_argument(
        "--sha256", metavar="HEX", help="what the model must hash to; of a directory see docs/contract.md"
    )
    fetch.add_argument("--live", type=Path, metavar="DIR", help="directory that may hold the pinned `digest`")
    fetch.add_argument("--max-bytes", type=_positive, metavar="N", help="refuse larger models")
    fetch.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="longest time without progress (default: 60)"
    )
    _common(fetch)

    profile = commands.add_parser("profile", help="print how long each operator of a model takes")
    profile.add_argument("model", type=Path, metavar="MODEL", help="an .onnx file, or a directory that holds one")
    profile.add_argument("--config", type=Path, metavar="FILE", help="server.yaml, for execution providers and options")
    profile.add_argument("--requests", type=_positive, default=100, metavar="N", help="runs (default: 100)")
    profile.add_argument(
        "--output", type=Path, metavar="FILE", help="leave the trace there; ui.perfetto.dev opens it, as does a browser"
    )
    _common(profile)

    commands.add_parser("schema", help="print the JSON schema of server.yaml")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--termination-log",
        type=Path,
        default=termination.DEFAULT_PATH,
        metavar="FILE",
        help="where to leave the typed result (default: /dev/termination-log, if it exists)",
    )
    parser.add_argument(
        "--log-format", choices=["auto", "json", "text"], default="auto", help="auto: text at a terminal"
    )


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"a port is from 0 (any free one) to 65535, got {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
