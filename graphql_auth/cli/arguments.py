"""An argument that several commands have."""

import argparse
from typing import Any


def add_application(parser: argparse.ArgumentParser, name: str, **options: Any) -> None:
    """Add the argument that names the GraphQLAuth of an application."""
    explained = "GraphQLAuth of your own application, such as main:auth"
    parser.add_argument(name, metavar="MODULE:NAME", help=explained, **options)
