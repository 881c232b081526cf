"""What the command line does, one file a command; only `cli.py` imports these."""
