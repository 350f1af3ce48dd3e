"""From files to batches: sources, codecs, corpora, framing, and where a sequence begins anew."""
