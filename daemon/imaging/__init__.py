"""Pixels and files: normalisation, and the store of the images."""
