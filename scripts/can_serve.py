"""Checks the settings and the port of `make serve`, before it builds the playground."""

import logging
import sys

from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.logs import escape_invisible
from graphql_auth.server.serve import listen
from graphql_auth.settings import DevSettings


def main() -> None:
    """End with the same line as the server would."""
    # It would log its warnings again.
    logging.disable()
    try:
        with listen(read_settings(DevSettings)):
            pass
    except StartError as error:
        sys.exit(f"graphql-auth: {escape_invisible(str(error))}")


if __name__ == "__main__":
    main()
