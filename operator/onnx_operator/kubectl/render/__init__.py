"""What is shown: pure functions from what the API server and the model said to things that rich prints."""
