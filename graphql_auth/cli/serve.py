"""``graphql-auth serve``."""

import argparse
import signal
from typing import Any

from graphql_auth.cli.arguments import add_application
from graphql_auth.logs import configure_logging
from graphql_auth.runtime.signals import StopSignals

# Each worker is a process with about 90 MB.
MAX_WORKERS = 256


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "serve",
        help="start the server, and an embedded MongoDB without MONGO_URI",
        description="Start the server and print its URL. It runs until Ctrl-C or SIGTERM.",
    )
    add_application(parser, "application", nargs="?")
    parser.add_argument(
        "--dev",
        action="store_true",
        help="for development: print mail, and let pages of this machine read answers and use the"
        " cookie",
    )
    parser.add_argument("--host", help="IP address to listen on (default: HOST, else 127.0.0.1)")
    parser.add_argument(
        "--port", help="port to listen on (default: PORT, else 4001; 0 takes any free port)"
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--workers",
        type=_worker_count,
        default=1,
        metavar="N",
        help="number of processes that serve requests (default: 1)",
    )
    mode.add_argument(
        "--reload", action="store_true", help="restart when the code changes, for development"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    # Until the process ends, so that no signal is lost.
    signals = StopSignals()
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # As nohup does.
    signals.install(*() if is_ignored else (signal.SIGHUP,))
    from graphql_auth.environment import read_log_format, read_settings  # noqa: PLC0415
    from graphql_auth.server.serve import serve  # noqa: PLC0415 - not for --help and schema
    from graphql_auth.settings import DevSettings, Settings  # noqa: PLC0415

    configure_logging(read_log_format())
    kind = DevSettings if options.dev else Settings
    given = {"host": options.host, "port": options.port}
    settings = read_settings(kind, **given)
    if options.application is not None:
        # Before MongoDB starts, because its errors are the most frequent ones.
        from graphql_auth.library import load  # noqa: PLC0415

        if own := load(options.application).settings:
            changes = {name: getattr(settings, name) for name, value in given.items() if value}
            settings = kind.model_validate(dict(own) | changes)
    configure_logging(settings.log_format)
    serve(
        settings,
        signals,
        application=options.application,
        workers=options.workers,
        reload=options.reload,
    )


def _worker_count(text: str) -> int:
    if text not in map(str, range(1, MAX_WORKERS + 1)):
        raise argparse.ArgumentTypeError(f"expected an integer from 1 to {MAX_WORKERS}")
    return int(text)
