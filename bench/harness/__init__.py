"""The benchmark: runs the same jobs on several systems, compares what they give out, and measures them."""
