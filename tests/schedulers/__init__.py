"""Airflow, systemd and cron run the command as their how-to pages say; the runbook's commands are run."""
