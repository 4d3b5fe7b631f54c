"""A course in nbgrader, whose submissions are graded by confined workers."""
