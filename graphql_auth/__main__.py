"""``python -m graphql_auth`` and the command ``graphql-auth``."""

from graphql_auth.cli.main import main

if __name__ == "__main__":
    main()
