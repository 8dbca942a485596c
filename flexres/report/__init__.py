"""A plan, or what became of it, as text, Markdown and JSON: the end of the flow, pure functions from values to text."""
