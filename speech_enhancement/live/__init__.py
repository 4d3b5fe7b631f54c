"""The page on which a recording is heard and seen before and after."""
