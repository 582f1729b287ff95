"""Questions about images: one table, one file per source."""
