"""Ink: drawings made with a pen, the files they come in, and the pages and pictures they go to. Knows no networks."""
