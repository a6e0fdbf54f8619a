"""From inputs to files in place: which files, in turn or on Ray, run folders, records."""
