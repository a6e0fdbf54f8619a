"""From the picture of a face to probabilities: the classifier, the runtimes behind it, conversion, and baselines."""
