"""How good a system is and what it costs: scores, tables, pages."""
