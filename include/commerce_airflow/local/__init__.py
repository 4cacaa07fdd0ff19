"""Airflow on one machine and the embedded PostgreSQL: for `make demo`, `make up` and the end-to-end tests."""
