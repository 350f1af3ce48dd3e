"""Commands for voices."""
