"""Pictures in and out, each at its own time: videos, cameras, photographs and sound."""
