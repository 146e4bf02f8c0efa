"""A MongoDB that starts and stops with the server."""
