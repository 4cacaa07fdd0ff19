"""Assets that the runs update. Each event carries counts in its `extra`; other DAGs of the company may be scheduled on them."""

from airflow.sdk import Asset

UPLOADED = Asset(name="commerce_uploaded", uri="x-commerce://headquarters/uploaded", group="commerce")
CUSTOMERS = Asset(name="commerce_customers", uri="x-commerce://headquarters/customers", group="commerce")
STATEMENTS = Asset(name="commerce_statements", uri="x-commerce://headquarters/statements", group="commerce")
