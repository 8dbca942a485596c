"""The sandbox's state in one SQLite file: the tables, and what to begin with, people and queues."""
