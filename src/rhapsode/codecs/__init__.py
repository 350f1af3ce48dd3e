"""Codecs: file ⇄ sequence of steps, one file per kind of data. They know files, not networks."""
