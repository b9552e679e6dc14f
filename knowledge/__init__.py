"""What is known: this patient, what the conversation established, and medicine with its sources."""
