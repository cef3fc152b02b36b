"""The program: configuration, the graph, commands, report. Only here: I/O choices and the command line."""
