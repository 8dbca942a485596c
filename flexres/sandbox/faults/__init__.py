"""What goes wrong on request: the rules and their syntax, how they are carried out, and reads of the past."""
