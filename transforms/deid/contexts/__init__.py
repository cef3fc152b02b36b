"""What the surroundings of a value identify: words beside a name, fields, messages of programs, phrases of other
languages. Each is a table; one line is one context.
"""
