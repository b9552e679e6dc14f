"""(being written)"""


class Library:
    """The library."""
