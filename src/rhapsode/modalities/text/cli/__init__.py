"""Commands for text."""
