"""What a revision freezes when it is made: the pod template and the server's configuration."""
