"""Service levels: until when a step, or a run, has to be done, and what happens when it is not.

durations.py reads `3d`; business_hours.py counts time in working hours; rules.py is the key `sla` of the
language; clocks.py says since when and until when the clocks of a run go; marking.py marks, tells and
escalates; watching.py finds the runs whose time has come.
"""
