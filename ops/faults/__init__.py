"""Hurting a running system, and telling whether it came through: what tests/faults and `interlog chaos` share.

stack.py     the system as it runs for people, on servers that can be hurt
client.py    a client of its API, as somebody else's program would be one
company.py   a company that works with it
feeder.py    a billing system that sends it document events through all doors
strikes.py   the faults
proxy.py     a network that can be cut
clock.py     a clock that jumps
oracle.py    what must hold afterwards (RELIABILITY 3)

Like a test, all of it asserts: what does not hold is an AssertionError that says so.
"""
