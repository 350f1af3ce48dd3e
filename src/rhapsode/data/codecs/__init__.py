"""The base classes of codecs. The codecs themselves are in the folders of modalities."""
