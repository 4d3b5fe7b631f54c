"""From trained models to scores, ranks and points."""
