"""The commands of the command line, a module each: what is asked, what is printed, which exit code."""
