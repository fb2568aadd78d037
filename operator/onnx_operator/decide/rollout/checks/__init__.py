"""The checks that judge a candidate, a module each. Each is a function of what is seen at one moment."""
