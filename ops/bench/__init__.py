"""`interlog bench`: how fast this machine is, and how near the system comes to what the database can do at all.

One bench, a module for each measurement. Each prepares what it needs, does the product's work and its limits in turns
within one run, and yields figures:

    run         picks measurements, gives them a stack, keeps what they yield
    ground      what a measurement stands on: the stack, connections, turns, what is watched meanwhile
    figures     what a measurement yields; the result of a run and its floors
    report      table, JSON and picture
    company     contacts, segments and logging them, through the domain
    together    several things at once
    plain       the limits: rows of a table put back by statements that do nothing else

The measurements: add, logging (with follow-up and growth), check, events, purges, baselines, indexes, lists, criteria,
load, start_up. Baselines are what people do otherwise: row by row, a task for each contact, in bulk.
"""
