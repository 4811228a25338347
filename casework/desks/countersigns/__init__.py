"""What second persons are asked: their own list, one page to answer on, and what the fund desk has to put right."""
