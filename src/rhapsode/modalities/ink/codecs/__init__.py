"""Codecs of drawings."""
