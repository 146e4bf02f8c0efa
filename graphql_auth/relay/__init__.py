"""Global ids and pagination as Relay defines them."""
