"""Kinds of data that people have: one folder each, which nothing else imports. See `rhapsode.registry`."""
