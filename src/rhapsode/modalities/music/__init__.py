"""Music: tunes, the files they come from and go to, how they sound and look."""
