"""The command line: options in, one use case, one view out."""
