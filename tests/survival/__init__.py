"""Studies in processes of their own that are killed and disturbed, for tests and benchmarks.

Every fault is a function of an empty folder and of the undisturbed runs. It returns complaints, none where all is as it
must be, and raises `NotHereError` where this machine does not allow it.
"""
