"""What clients see: GraphQL over HTTP."""
