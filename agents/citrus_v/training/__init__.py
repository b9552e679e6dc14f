"""How Citrus-V is trained: data, stages, losses, and the measure of the result."""
