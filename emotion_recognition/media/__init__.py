"""Pictures in and out, each at its own time: videos, cameras and photographs; their sound; the writer of videos."""
