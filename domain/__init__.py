"""The rules of Interlog, their data and their SQL. Knows neither Flask nor Celery."""
