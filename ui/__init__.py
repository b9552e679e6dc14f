"""Who sees it: the command line and the web pages."""
