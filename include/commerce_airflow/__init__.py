"""What DAGs and plugins share: a run's configuration, schedules, tasks, connections, failure policy."""
