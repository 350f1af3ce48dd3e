"""Codecs of series, one file each."""
