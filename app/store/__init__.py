"""SQLite: connection, migrations, and one module per table family."""
