"""The commands, one in each module, which reads the configuration, connects the parts and prints."""
