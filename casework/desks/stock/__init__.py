"""Goods beside the money: what each store has, every slip, stock-takes, and who was given what."""
