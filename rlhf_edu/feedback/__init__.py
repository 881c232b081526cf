"""What people say about a model's text, and how it is asked, kept and read back. Needs neither torch nor Jupyter."""
