"""Search spaces, and Optuna's search over them on Ray Tune."""
