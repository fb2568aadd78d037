"""Makes the cluster what a plan says: ``order`` says what is written when, ``writer`` brings one object to stand."""
