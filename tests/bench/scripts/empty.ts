// Nothing: what Deno takes to start and end.
