"""Training: from sources to a model file. `rhapsode.training.run.train` is the way in."""
