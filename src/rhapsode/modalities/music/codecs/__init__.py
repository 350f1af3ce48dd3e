"""Codecs of tunes."""
