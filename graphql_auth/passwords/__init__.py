"""Passwords: hashing, policy and breached passwords."""
