"""Plan, tasks, executors, the results store and the statistics over it."""
