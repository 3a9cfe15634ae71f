"""The data of the study eeg.toml: windows of a series."""

import numpy as np
from matplotlib.cbook import get_sample_data

N_LEADS = 4
PAST, FUTURE = 32, 4  # samples of a window that are known, and those to forecast


def load():
    """What four EEG leads did in 0.4 s, and in the 50 ms after it: windows that start at every sample of each lead.

    matplotlib ships the recording: 800 samples in 10 s, each lead with mean 0 and SD 1.
    """
    series = np.fromfile(get_sample_data("eeg.dat", asfileobj=False)).reshape(-1, N_LEADS).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(series, PAST + FUTURE, axis=0)  # (starts, leads, samples)
    times = np.repeat(np.arange(len(windows)), N_LEADS)
    rows = windows.reshape(-1, PAST + FUTURE)
    return {"x_train": rows[:, :PAST], "y_train": rows[:, PAST:], "time": times}
