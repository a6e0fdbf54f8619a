"""What people read: tables, summary, spans, timeline, drawing, ELAN, and the review page with its corrections."""
