"""Training: one trainer for every model, and what it needs."""
