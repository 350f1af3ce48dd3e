"""The formats of files of music, one module each, with a constant `FORMAT` (see `files.formats`)."""
