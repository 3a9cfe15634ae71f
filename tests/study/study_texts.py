"""Study files as text: of the built-in model, of a model of one's own, and with every table there is."""

GOOD = """\
title = "A study"
[data]
name = "digits"
[model]
name = "mlp"
depth = 3
[baseline]
normalization = "none"
activation = "elu"
initializer = "he_normal"
dropout = 0
optimizer = "nadam"
learning_rate = "find"
[space]
normalization = ["none", "batch"]
dropout = { low = 0.0, high = 0.4, ablate = [0.0, 0.1] }
optimizer = { levels = ["adam", "nadam", "sgd"], ablate = ["adam"] }
learning_rate = { around = "find", span = [0.1, 3], ablate = [0.3] }
[training]
epochs = 10
"""
OWN_MODEL = """\
[data]
name = "data/mine.npz"
[model]
name = "nets.py:build"
filters = 8
[baseline]
kernel = 3
"größe" = "klein"
residual = true
optimizer = "adam"
learning_rate = 0.01
[space]
"größe" = ["klein", "groß"]
kernel = { low = 1, high = 7, ablate = [1, 5] }
residual = [true, false]
learning_rate = { low = 1e-4, high = 1, log = true }
"""
EVERYTHING = (
    GOOD.replace("dropout = 0\n", "dropout = 0\nmomentum = 0.9\n")
    + """\
[space.momentum]
low = 0.5
high = 0.99
ablate = [0.5]
when = { optimizer = ["sgd", "nadam"], dropout = 0.0 }
[recipes.self-normalizing]
activation = "selu"
initializer = "lecun_normal"
dropout = 0.05
[recipes."v1.0"]
normalization = "batch"
dropout = 0.1
[ablation]
reference = "both"
design = ["one-factor", "factorial", "path"]
factorial = ["normalization", "optimizer"]
seeds = "auto"
"""
)

# What the classic experiments need, at once.
CLASSIC = """\
[data]
name = "fashion_mnist"
classes = [5, 6]
train = 200
test = 500
[transfer]
classes = [0, 1, 2]
epochs = 3
frozen_epochs = 1
[model]
name = "cnn"
stages = 1
filters = 8
units = "30-20"
[training]
epochs = 4
[schedule]
boundaries = [0.2, 0.6]
values = [1.0, 0.5, 0.1]
[baseline]
normalization = "batch"
normalization_place = "before"
activation = "relu"
initializer = "he_normal*0.5"
augmentation = "none"
dropout = 0.1
mc_samples = 0
l2 = 1e-4
clip_norm = 0.0
batch_size = 32
budget = 1.0
scaling = "unit"
schedule = "constant"
transfer = "none"
kernel = 3
optimizer = "adam"
learning_rate = "find"
[space]
normalization = ["none", "batch"]
normalization_place = { levels = ["before", "after"], when = { normalization = "batch" } }
augmentation = ["none", "flip"]
l2 = { low = 0, high = 1, ablate = [0.01] }
kernel = { low = 1, high = 5, ablate = [5] }
transfer = ["none", "unfrozen"]
schedule = ["constant", "1cycle", "cosine"]
[recipes.short]
schedule = "1cycle"
budget = 0.5
batch_size = 128
[inspect]
layers = true
"""


# A table of examples, with every key of [data] that a table takes, and the tables of a task.
TABLE = """\
[data]
name = "houses.csv"
target = "price"
features = ["age", "rooms"]
columns = { age = "number", rooms = "category" }
test = 0.2
validation = "folds"
folds = 5
groups = "patient"
weights = "balanced"
target_scaling = "standardize"
[model]
name = "mlp"
[training]
loss = "mse"
[metric]
name = "mae"
goal = "minimize"
margin = "2%"
also = ["r2"]
[baseline]
optimizer = "adam"
learning_rate = 0.01
activation = "relu"
[space]
activation = ["relu", "tanh"]
"""


def toml(value: object) -> str:
    """A value as TOML, independent of the program's own writer."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(char):08x}" for char in value if not "\ud800" <= char <= "\udfff") + '"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            distinct = {toml(name): item for name, item in value.items()}
            return f"{{{', '.join(f'{name} = {toml(item)}' for name, item in distinct.items())}}}"
        case _:
            return str(value)


OWN_TRAIN = """\
[model]
train = "my.py:train"
[metric]
name = "accuracy"
[baseline]
solver = "lbfgs"
strength = 1.0
[space]
solver = ["lbfgs", "saga"]
strength = { low = 0.01, high = 10.0, log = true, ablate = [0.1] }
"""
OWN_COMMAND = OWN_TRAIN.replace('train = "my.py:train"', 'command = "python fit.py --solver {solver} --c {strength}"')
