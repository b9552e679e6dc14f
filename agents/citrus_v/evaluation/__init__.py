"""How well those who see do, on labelled pictures, in figures with their uncertainty."""
