"""Heads: parameters ⇄ distribution of the next step, one file each."""
