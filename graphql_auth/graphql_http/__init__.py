"""GraphQL over HTTP, without a word of authentication."""
