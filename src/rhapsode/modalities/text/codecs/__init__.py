"""Codecs of text."""
