"""The demo township 青禾乡: invented people, places and money to try everything on. Never part of a production installation."""
