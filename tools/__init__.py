"""What can be done: each tool one file, each result evidence."""
