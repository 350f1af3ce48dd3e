"""The formats of files of drawings, one module each, with a constant `FORMAT` (see `files.formats`)."""
