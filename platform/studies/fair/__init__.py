"""Fair ablation: every row of a suite tuned by itself, with the same budget, beside the rows as they are frozen."""
