"""Stores image files by name: in `images/`, and on a shared S3 store if one is set.

Without `images.store` there is only the folder.  With it, the folder is a cache.  A new
image is saved in the folder, put on the store and then recorded, so that the store has
every image a row names.  Images of other daemons are fetched on first use.
"""
