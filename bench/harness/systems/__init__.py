"""The systems: each runs a job over a topic, from nothing, and says how long it took."""
