"""How a turn runs, is verified, traced and replayed."""
