"""The quality and the costs of systems: scores, tables, pages."""
