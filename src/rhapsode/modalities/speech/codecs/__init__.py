"""Codecs of utterances."""
