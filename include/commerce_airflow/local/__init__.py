"""Airflow on one machine, on the embedded PostgreSQL: what `make demo`, `make up` and the end-to-end tests start and stop."""
