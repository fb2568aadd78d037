"""What the server does when it is told to end, and with what nobody should send it."""
