"""Pools: how many tasks may work on headquarters, and how many on channel databases, at the same time.

`python -m commerce_airflow.local` creates them; elsewhere create them once, for example
`airflow pools set commerce_hq 8 "tasks on the headquarters database"`. A task whose pool is missing never starts.
"""

HEADQUARTERS = "commerce_hq"
CHANNELS = "commerce_channels"

DESCRIPTIONS = {
    HEADQUARTERS: "Tasks that work in the headquarters database. Keep below its max_connections.",
    CHANNELS: "Tasks that read from or write to channel databases.",
}
