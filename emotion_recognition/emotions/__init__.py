"""From the crop of a face to probabilities: the classifier, its runtimes and conversion, and references at rest."""
