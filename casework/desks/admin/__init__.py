"""The administration desk: accounts, posts, units, rules, calendar. It sees no case and moves no money."""
