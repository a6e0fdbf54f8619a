"""What only a live run needs: its table and marks, its files, LabStreamingLayer, and the pace of the frames."""
