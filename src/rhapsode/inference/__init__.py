"""A trained model in use: reading, generation, scoring, compression."""
