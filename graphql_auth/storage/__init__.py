"""What we remember: documents in MongoDB, and the MongoDB that comes with the server."""
