"""Codecs of tunes, one module each. What several of them share is in modules that begin with an underscore.

Of any codec: `_tunes` (the base class), `_usual` (what is usual in the training data), `_bars` (the place in the bar,
in the form and before the end, as covariates).

Of melodies (`melody`, `abc`): `_repertoire` (what is known of the training data, and how a melody is cut into pieces),
`_pitches` (pitches as fields of a tuple), `_lookback` (what was heard some bars before, as covariates),
`_melody_guide` (the guide that puts these together), `_abc_tokens`.

Of several instruments (`remi`): `_remi_tokens`, `_remi_lookback`, `_remi_guide`.
"""
