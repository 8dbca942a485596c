"""TaskRouter: the Workspace with its Workers, queues and Workflows, and the Events that tell of their changes.

A resource is a module of routes (`workers`, `worker_channels`, `task_queues`, `workflows`, `events`, `workspace`) over
a table of the database (`worker_table`, `named_table`, `event_table`). `expressions` reads what queues ask of Workers,
`matching` evaluates it.
"""
