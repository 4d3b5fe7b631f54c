"""From this repository to the template that students get."""
