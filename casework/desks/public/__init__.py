"""What anybody may read without logging in: notices, and how to object to one."""
