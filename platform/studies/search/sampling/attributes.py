"""What a trial carries besides its parameters."""

#: What it was given, not drawn by the sampler.
GIVEN = "given"
#: Of what was drawn to its end, one of these: which run it is, why it failed, which requirement it does not keep.
RUN, REASON, BROKEN = "run", "reason", "broken"
#: Seconds that it had a process: Optuna's own times begin when it was asked for, though it may have waited for one.
SECONDS = "seconds"
#: Which trial it takes the place of, that a killed process had begun.
AGAIN = "again"
#: Which trial it repeats.
REPEATS = "repeats"
