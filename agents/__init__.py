"""Who reasons: chat models that call tools and draft answers from evidence."""
