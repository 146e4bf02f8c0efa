"""What the servers of one database share."""

from beanie import Document


class MetaDocument(Document):
    """One document for each purpose: the heartbeat, and the fingerprint of TOKEN_KEY."""

    id: str  # type: ignore[assignment]

    class Settings:
        name = "graphql_auth_meta"
