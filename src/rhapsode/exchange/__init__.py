"""Files from anywhere: bytes with names, archives, XML and JSON read with care; and files put in their place whole."""
