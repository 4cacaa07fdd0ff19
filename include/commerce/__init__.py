"""Commerce: asynchronous customers become synchronous ones, before anything that refers to them is posted.

The library knows nothing of Airflow. Each job is one public function of its package (`commerce.exchange.upload`,
`commerce.customers.synchronize_customers`, ...), the same in the library, on the command line and in the DAGs.
"""
