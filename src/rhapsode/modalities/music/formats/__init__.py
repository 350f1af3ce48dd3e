"""Files of music, one format a module."""
