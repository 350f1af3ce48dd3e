"""Constraints of text, one file each: what a text must be so that it needs no repair."""
