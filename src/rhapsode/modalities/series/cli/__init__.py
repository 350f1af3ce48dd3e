"""What series add to the command line, one file a command."""
