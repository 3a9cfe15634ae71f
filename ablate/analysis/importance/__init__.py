"""What a factor is worth: from search trials, from complete factorials, from mixtures of two configurations."""
