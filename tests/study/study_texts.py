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
