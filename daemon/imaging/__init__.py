"""Pixels, files and the words for them: prompt, formats, normalisation, the store."""
