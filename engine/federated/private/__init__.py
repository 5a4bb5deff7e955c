"""What privacy costs, and sums that hide what each client sent."""
