"""Steps: what a network reads and predicts at one time. The kinds of step, and long sequences of steps on disk."""
