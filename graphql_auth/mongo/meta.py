"""What the servers of one database agree on."""

from beanie import Document


class MetaDocument(Document):
    """What the servers of one database agree on: one document for each matter."""

    id: str  # type: ignore[assignment]

    class Settings:
        """The collection, which needs no index but that of ``_id``."""

        name = "graphql_auth_meta"
