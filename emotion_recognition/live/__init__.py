"""What only a camera needs: the table with marks, the session, LabStreamingLayer, and the pace of the frames."""
