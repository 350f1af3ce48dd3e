"""Attention: how steps read from the text of their unit, one file each."""
