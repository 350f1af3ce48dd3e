"""Heads: features ⇄ distribution of the next step, one file per kind of step."""
