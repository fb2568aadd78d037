"""HTTP: the inference route as plain ASGI, and FastAPI for all that is not in a hurry."""
