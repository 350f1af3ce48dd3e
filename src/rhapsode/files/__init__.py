"""Files: reading bytes, archives, XML and JSON that nobody has checked; writing files atomically; the cache."""
