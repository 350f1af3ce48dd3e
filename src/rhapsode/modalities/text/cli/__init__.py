"""What the commands do with texts."""
