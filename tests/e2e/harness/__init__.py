"""What the end-to-end tests stand on: the real daemon with a world of its own around it."""
