"""What Airflow's own processes must load from this project."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from commerce_airflow.timetables import BackfillOnlyTimetable


class CommercePlugin(AirflowPlugin):
    """Registers the timetable of `historical_end_of_day`."""

    name = "commerce"
    timetables: ClassVar = [BackfillOnlyTimetable]
