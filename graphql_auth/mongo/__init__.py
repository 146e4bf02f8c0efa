"""The connection to MongoDB, and what its servers share."""
