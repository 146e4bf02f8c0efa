"""Stored users and their e-mail addresses."""
