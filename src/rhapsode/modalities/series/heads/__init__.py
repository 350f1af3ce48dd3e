"""Distributions of the next value of a series, one file each."""
