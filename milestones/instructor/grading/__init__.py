"""From a folder of submissions to records."""
