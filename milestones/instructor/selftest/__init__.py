"""The kit grades submissions whose grade is known."""
