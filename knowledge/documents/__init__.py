"""A user's own documents: read, cut into excerpts with their sources, and kept beside the cards.

Documents are data. Nothing in them is followed, fetched, run or expanded, whatever they say.
"""
