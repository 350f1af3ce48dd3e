"""Documents: files whose text is packed in something else. A module for each format."""
