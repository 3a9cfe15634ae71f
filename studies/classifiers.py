"""Train a scikit-learn classifier on scikit-learn's digits, and print how well it reads: a script that needs no ablate.

python classifiers.py --model svm --scaling none --strength 1.0 --seed 1
"""

import argparse
import os

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

MODELS = {
    "logistic": lambda asked: LogisticRegression(C=asked.strength, max_iter=5000),
    "svm": lambda asked: SVC(C=asked.strength),
    "forest": lambda asked: RandomForestClassifier(200, random_state=asked.seed),
    "neighbors": lambda _: KNeighborsClassifier(3),
}
SCALERS = {"none": FunctionTransformer, "standardize": StandardScaler}


def main() -> None:
    """Train once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--scaling", choices=SCALERS, required=True)
    parser.add_argument("--strength", type=float, required=True, help="inverse of the penalty on large weights")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=450, random_state=0, stratify=y)  # the same for all seeds
    x, x_validation, y, y_validation = train_test_split(x, y, test_size=300, random_state=asked.seed, stratify=y)
    classifier = make_pipeline(SCALERS[asked.scaling](), MODELS[asked.model](asked)).fit(x, y)

    print("train_accuracy:", classifier.score(x, y))
    print("accuracy:", classifier.score(x_validation, y_validation))
    if os.environ.get("ABLATE_TEST", "1") == "1":  # a study reads the test set once, after its comparisons are frozen
        print("test_accuracy:", classifier.score(x_test, y_test))


if __name__ == "__main__":
    main()
