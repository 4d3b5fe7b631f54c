"""The self-test of the grader: submissions whose grade is known."""
