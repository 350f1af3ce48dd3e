"""Files of phones and their times: HTS labels, Praat's TextGrid, and Rhapsode's own lines of JSON."""
