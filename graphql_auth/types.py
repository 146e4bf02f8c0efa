"""The inputs and payloads of all mutations, for an application that overrides one."""

from graphql_auth.accounts.inputs import *  # noqa: F403
from graphql_auth.accounts.types import *  # noqa: F403
from graphql_auth.sessions.graphql import *  # noqa: F403
