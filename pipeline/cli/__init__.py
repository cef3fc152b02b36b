"""The command line: one module per command, with its arguments and `--help` text.

A command parses its arguments, calls the function of the same name in `pipeline.commands`, and prints the
result: JSON with --json, else with `pipeline.cli.terminal`. Read `main.py` first: it lists the commands and
turns errors into one line and an exit code. `options.py` defines the options that several commands share.
"""
