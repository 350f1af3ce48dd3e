"""Text: by character, byte, word, or parts of words."""
