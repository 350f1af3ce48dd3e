"""Exports: a trained model in the form that others need, one file for each form.

Each public module has a constant `TARGET` (see `_target`), and is found by being there.
"""
