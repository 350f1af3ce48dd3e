"""Cells: the recurrence, one file each. The plain LSTM is the default."""
