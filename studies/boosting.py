"""Gradient-boosted trees on scikit-learn's digits, trained stage by stage by a function of its own: no network."""

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

STAGES = 10  # trees of each class between two reports


def train(data, factors, seed, epochs, test, report):
    """Fit `epochs` times ten more trees of each class, and report after each ten."""
    trees = HistGradientBoostingClassifier(
        learning_rate=factors["learning_rate"],
        max_leaf_nodes=factors["leaves"],
        l2_regularization=factors["l2"],
        max_features=factors["features"],
        early_stopping=False,
        warm_start=True,
        random_state=seed,
    )
    x_train, x_validation = flat(data.x_train), flat(data.x_validation)
    for epoch in range(1, epochs + 1):
        trees.set_params(max_iter=STAGES * epoch).fit(x_train, data.y_train)
        accuracy = trees.score(x_validation, data.y_validation)
        report(epoch=epoch, accuracy=accuracy, loss=log_loss(data.y_validation, trees.predict_proba(x_validation)))
    if not test:  # before the comparisons are frozen, data.x_test has no rows
        return accuracy
    return {"accuracy": accuracy, "test_accuracy": trees.score(flat(data.x_test), data.y_test)}


def flat(images):
    """The pixels of each image in a row, (n, 64)."""
    return images.reshape(len(images), 64)
