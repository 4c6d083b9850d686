"""The same work on csched and on its peers: a program for each, run by `bench.programs`.

``PROGRAM WORKLOAD SIZE`` warms up with a tenth of the size, then prints what one operation takes:
nanoseconds of processor time (on a core of its own, the time that passes), or bytes. Each program
is the best that we can write in the usual style of its platform.
"""
