"""Who may do what: every address, tried by everybody, compared with an oracle that was not read off the code."""
