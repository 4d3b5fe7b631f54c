"""The course: handouts, score table and submission for students, release and grading for instructors."""
