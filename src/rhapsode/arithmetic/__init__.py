"""The arithmetic of trained models: whole numbers and IEEE doubles, the same on every machine."""
