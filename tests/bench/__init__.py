"""What postbrush takes and what it leaves, measured: see README.md here."""
