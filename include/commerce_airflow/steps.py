"""The steps of a run, by the names that the library, the command line and the task ids share (design: "The DAGs")."""

END_OF_DAY = (
    "upload",
    "synchronize_customers",
    "distribute",
    "synchronize_orders",
    "bind_cash_and_carry",
    "distribute_late",
    "validate_transactions",
    "quality_gate",
    "calculate_statements",
    "post_statements",
)

CUSTOMER_SYNC = ("upload", "synchronize_customers", "distribute", "find_duplicates", "purge_personal_data")

# The gate and the two statement steps decide about money: a run without them would be another kind of run.
SKIPPABLE = END_OF_DAY[: END_OF_DAY.index("quality_gate")]
