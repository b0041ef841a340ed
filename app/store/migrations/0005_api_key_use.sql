-- When a key was last used, to the minute or so. Unix time in seconds.
ALTER TABLE api_keys ADD COLUMN last_used_at REAL;
