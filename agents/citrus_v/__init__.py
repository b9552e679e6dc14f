"""Citrus-V, the paper's model (arXiv 2509.19090): reads pictures, answers, and draws masks."""
