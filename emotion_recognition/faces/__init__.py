"""Where faces are and which one is which: detectors, search near known faces, alignment, tracking and gaps."""
