"""The command line, through the installed console script and in-process."""
