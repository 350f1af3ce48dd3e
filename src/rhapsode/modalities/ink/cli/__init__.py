"""Commands for pens."""
