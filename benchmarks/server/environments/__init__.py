"""Programs that run in environments of their own, and what each of those holds: never imported from here."""
