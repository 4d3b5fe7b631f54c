"""A submission's code in a confined worker, and the judge that calls it."""
