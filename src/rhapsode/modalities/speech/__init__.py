"""Speech: utterances, recordings and their files, phones, alignment, vocoders, measures, pictures."""
