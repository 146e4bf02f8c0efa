"""The authentication API that a GraphQL frontend starts with."""

__version__ = "0.2.0"
