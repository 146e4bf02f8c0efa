"""Accounts: register, log in, change the password."""
