"""What emotions_from_video.py and emotions_from_webcam.py share: from a frame to its faces' emotions."""
