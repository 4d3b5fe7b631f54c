"""The tools of instructors, which are never released."""
