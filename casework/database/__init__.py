"""As whom this program talks to PostgreSQL, what each role may do there, and how far a page reaches.

logins    which role a process logs in as: the owner of the tables for migrations, else one that owns nothing
rights    what each role may do with each table, granted after every migration
reach     row-level security: what a request is let see, whatever its queries ask for
"""
