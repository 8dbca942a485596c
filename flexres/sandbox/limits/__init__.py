"""Requests per second: the limits, the middleware that holds requests to them, and a neighbour who spends from them."""
