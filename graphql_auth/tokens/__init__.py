"""Access tokens and the key that signs them."""
