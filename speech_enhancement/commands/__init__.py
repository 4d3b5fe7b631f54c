"""The commands, one a module: each reads its configuration, wires, and prints."""
