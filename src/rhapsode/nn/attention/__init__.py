"""Attention: what else than the steps before it a step may depend on, one file each."""
