"""The figures of the handouts, each drawn by a function; students get the pictures, not this code."""
