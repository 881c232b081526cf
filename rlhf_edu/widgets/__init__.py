"""What a notebook shows: thin views over a feedback session or a training run. They hold no answers of their own."""
