"""Files from anywhere: bytes with names, archives, XML and JSON read with care; files put in their place whole, and
what is kept in a cache."""
