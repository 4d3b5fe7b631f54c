"""From records to grades and pages."""
