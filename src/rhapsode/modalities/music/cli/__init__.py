"""Commands for music."""
