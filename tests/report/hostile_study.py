"""A study's folder in which every name, reason and note tries to be markup, script, a formula or a command."""

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
from synthetic import BASELINE, MODEL, write_study

MARK = "data-pwned"  # what a script that runs would leave on the page
KEPT = ("reference", "best", "", "find", "carry", "val_accuracy", "one-factor", "study", "find*0.3")


def payloads(canary: str) -> list[str]:
    """Texts that would leave `MARK`, or fetch something from the address `canary`, wherever one was not escaped."""
    run = f"document.documentElement.setAttribute('{MARK}',1);fetch('{canary}/fetched')"
    return [
        f"<script>{run}</script>",
        f"</script><script>{run}</script>",
        f"</title></style></textarea></svg><script>{run}</script>",
        f"]]>--><script>{run}</script>",
        f'"><img src="{canary}/image" onerror="{run}">',
        f"'><svg onload=\"{run}\"><image href='{canary}/svg'/></svg>",
        f'" onmouseover="{run}" onfocus="{run}" autofocus tabindex="1" style="background:url({canary}/style)',
        f"<style>@import url({canary}/import); * {{ background: url({canary}/background) }}</style>",
        f'<link rel="stylesheet" href="{canary}/link"><iframe src="{canary}/frame"></iframe>',
        f'<object data="{canary}/object"></object><embed src="{canary}/embed"><base href="{canary}/base/">',
        f'<meta http-equiv="refresh" content="0;url={canary}/refresh">',
        f'<form action="{canary}/form"><button autofocus>x</button></form><a href="javascript:{run}">x</a>',
        f"javascript:{run}",
        "{{ ''.__class__ }}{% for x in y %}",
        "=HYPERLINK(1)\x1b[2J\x1b]0;x\x07\u202e\x9b31m",
        "\\input{x}$\\alpha$&#60;script&#62;\x00\x0b\r\n",
    ]


class Spoiler:
    """Adds a payload to each text, the next one to each new text and the same to the same."""

    def __init__(self, canary: str) -> None:
        self._next = cycle(payloads(canary))
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The text and its payload; what the program itself gives a meaning stays."""
        if text in KEPT:
            return text
        return self._known.setdefault(text, f"{text}{next(self._next)}")

    def tree(self, value: Any) -> Any:  # Any: JSON
        """Every text in it, names too."""
        match value:
            case str():
                return self(value)
            case list():
                return [self.tree(item) for item in value]
            case dict():
                return {name: self.tree(item) for name, item in value.items()}
        return value


def write_hostile(folder: Path, canary: str) -> Path:
    """`write_study` in two modes and both directions, spoilt."""
    write_study(folder, n_seeds=6, modes=("find", "carry"), both=True)
    spoil = Spoiler(canary)
    _spoil_results(folder / "results.csv", spoil)
    epochs = pd.read_csv(folder / "epochs.csv")
    _write(epochs.assign(trial=epochs["trial"].map(spoil)), folder / "epochs.csv")
    facts = json.loads((folder / "provenance.json").read_text())
    modes, designs, times = facts.pop("modes"), facts.pop("designs"), facts.pop("time")
    names = {key: {spoil(name): level for name, level in facts[key].items()} for key in ("reference", "versions")}
    recipe = {spoil("recipe"): {spoil("activation"): spoil("selu")}}
    conditions = {spoil("dropout"): {spoil("activation"): [spoil("elu")]}}
    more = {"recipes": recipe, "conditions": conditions, "modes": modes, "designs": designs, "time": times}
    facts = spoil.tree({**facts, **names}) | more
    (folder / "provenance.json").write_text(json.dumps(facts))
    tests = json.loads((folder / "lr_tests.json").read_text())
    for test in tests:
        test |= {"label": spoil(test["label"]), "reason": spoil(test["reason"])}
        test["rules"] = {spoil(rule): rate for rule, rate in test["rules"].items()}
    (folder / "lr_tests.json").write_text(json.dumps(tests))
    (folder / "study.toml").write_text("\n".join(f"# {text!r}" for text in payloads(canary)) + MODEL)
    return folder


def _spoil_results(path: Path, spoil: Spoiler) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    factors = [name for name in BASELINE if name != "learning_rate_setting"]
    texts = ["factor", "level", "trial", "run_id", "reason", "data", "lr_test", *factors]
    for name in texts:
        table[name] = [text if _is_number(text) else spoil(text) for text in table[name]]
    of_factor = table["factor"] != ""
    start = table["against"].map(lambda other: "best: " if other == "best" else "")
    table["variant"] = table["variant"].where(~of_factor, start + table["factor"] + "=" + table["level"])
    table = table.rename(columns={name: spoil(name) for name in factors})
    _write(table, path)


def _write(table: pd.DataFrame, path: Path) -> None:
    path.write_text(table.to_csv(index=False).replace("\0", ""))  # which is refused by itself


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
