"""What every codec offers. Those of a modality lie in its folder."""
