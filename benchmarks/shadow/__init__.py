"""What it costs clients that copies of their requests go to a candidate."""
