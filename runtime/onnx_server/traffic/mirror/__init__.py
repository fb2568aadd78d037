"""What sends copies to candidates and compares the answers: a process of its own, and how this one talks to it."""
