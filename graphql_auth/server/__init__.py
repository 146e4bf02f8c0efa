"""The server and its workers."""
