"""A program that prints its error, ignores SIGTERM, floods stderr and leaves a process in a session of its own."""

import argparse
import math
import os
import random
import signal
import subprocess
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--kind", required=True)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    draws = random.Random(int(os.environ["ABLATE_SEED"]))
    distance = abs(math.log10(asked.rate / 0.1)) + 0.5 * (asked.kind == "wide")
    for epoch in range(int(os.environ["ABLATE_EPOCHS"])):
        time.sleep(0.15)
        sys.stderr.write("x" * 100_000)
        print("train_loss:", distance)
        print("mae:", distance + 1 / (epoch + 1) + 0.01 * draws.random())
    if os.environ["ABLATE_TEST"] == "1":
        print("test_mae:", distance + 0.01 * draws.random())


main()
