"""Encoders, decoders and their blocks: plain keyword arguments, no recipe, no files."""
