"""What we promise: accounts, passwords and tokens, free of HTTP and GraphQL."""
