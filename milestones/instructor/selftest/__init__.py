"""The self-test: submissions of known grade for the grader."""
