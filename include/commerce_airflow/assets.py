"""Assets that the runs update, with counts in each event's `extra`. Other DAGs may be scheduled on them."""

from airflow.sdk import Asset

UPLOADED = Asset(name="commerce_uploaded", uri="x-commerce://headquarters/uploaded", group="commerce")
CUSTOMERS = Asset(name="commerce_customers", uri="x-commerce://headquarters/customers", group="commerce")
STATEMENTS = Asset(name="commerce_statements", uri="x-commerce://headquarters/statements", group="commerce")
