"""What the DAGs, the plugins and the local stack share: configuration of a run, schedules, tasks, connections, failure policy."""
