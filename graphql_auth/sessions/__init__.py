"""Sessions: their life, rotation and revocation."""
