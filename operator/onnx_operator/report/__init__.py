"""What people read: ``status`` is what was seen, ``news`` what has changed of it, ``events`` how that is told."""
