"""What should be: pure functions of what was observed. No client, clock, randomness, environment or logging."""
