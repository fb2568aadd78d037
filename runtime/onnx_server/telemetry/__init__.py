"""What is told of single requests, where it is asked for: spans and the access log."""
