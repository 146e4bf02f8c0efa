"""The authentication API that a GraphQL frontend starts with."""

__version__ = "0.1.0"
