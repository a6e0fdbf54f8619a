"""What the two inference scripts share; README.md follows one frame through it."""
