"""Image files by name: here in `images/`, and on a store that machines share.

Without `images.store` there is only the folder, and nothing of this costs anything.
With it the folder is a cache: what is made here is linked here, put there, and then
recorded, so that whatever a row names is on the store; what others made is fetched when
it is asked for, and linked into place whole or not at all.
"""
