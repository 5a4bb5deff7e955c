"""What a run measures of its models: accuracy, fairness, what each client gets."""
