"""Train on the machines of a Ray cluster: an actor beside each worker process, and the driver's connection to them."""
