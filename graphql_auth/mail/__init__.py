"""Mail: an outbox in the database, templates, and what sends a message."""
