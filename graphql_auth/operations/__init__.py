"""What the operator of a server sees of it from outside."""
