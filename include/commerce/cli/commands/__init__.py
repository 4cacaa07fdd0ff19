"""The commands, by subject. Each module has `add_to(app)`; docstrings are the help that people read."""
