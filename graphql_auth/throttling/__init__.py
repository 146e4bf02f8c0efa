"""Rate limits for logins and registrations."""
