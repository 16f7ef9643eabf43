"""Services that find pictures by keyword."""
