"""How soon a bad version is found out and gone, and what judging costs."""
