"""The distribution of a pen's next move."""
