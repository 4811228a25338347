"""Is it well, what does it do, what went wrong: health, metrics, logs, and the page that says "later". Nobody is named."""
