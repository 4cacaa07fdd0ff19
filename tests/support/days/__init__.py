"""Random days of selling, posted by the jobs and by a model of them."""
