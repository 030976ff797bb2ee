"""`make parity`: the offline engine and a real API server, asked the same many thousand times."""
