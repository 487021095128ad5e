"""What proposes configurations: Optuna's samplers, and ours that a kill does not change."""
