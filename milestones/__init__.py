"""The course: what is handed out, and how it is graded."""
