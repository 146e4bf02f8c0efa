"""Users, and the canonical form of their e-mails."""
