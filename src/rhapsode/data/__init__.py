"""From files to batches: sources, codecs, corpora, framing, reset policies."""
