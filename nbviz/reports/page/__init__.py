"""Page of a report: its sections, tables and charts."""
