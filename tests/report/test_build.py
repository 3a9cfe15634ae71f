import base64
import hashlib
import html
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from synthetic import HOSTILE, provenance, write_study

from ablate.errors import DataError
from ablate.report import ReportFiles, build_report

FIGURES = ("effects", "modes", "curves", "loss-curves", "gap", "layers", "kernels", "rates", "history", "importances")
SVG = "{http://www.w3.org/2000/svg}"


class _Page(HTMLParser):
    """Tags, attributes, ids, and the text of every table's cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.downloads: dict[str, str] = {}  # file name -> content
        self._open = ""
        self._rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        found = {name: value or "" for name, value in attrs}
        if "download" in found:
            assert tag == "a"
            self.downloads[found["download"]] = base64.b64decode(found["href"].partition(",")[2]).decode()
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")
        if tag in ("td", "th", "caption"):
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "caption":
            self.tables[data] = self._rows
        elif self._open:
            self._rows[-1][-1] += data.replace("95\N{NO-BREAK SPACE}%", "95 %")


@pytest.fixture(scope="module")
def page(built: ReportFiles) -> _Page:
    return _Page(built.html.read_text())


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_effects_table_of_the_page_says_what_effects_csv_says(built: ReportFiles, page: _Page) -> None:
    effects = pd.read_csv(built.effects_csv, keep_default_na=False)
    told = effects[effects["mode"] == "find"]
    head, *cells = page.tables["Every comparison"]
    assert len(cells) == len(told) == 12
    for row, effect in zip((dict(zip(head, row, strict=True)) for row in cells), told.to_dict("records"), strict=True):
        assert [row["Factor"], row["Level"]] == [effect["factor"], effect["level"]]
        assert row["Verdict"].split("\N{NO-BREAK SPACE}")[1] == effect["verdict"]
        assert _number(row["Difference, points"]) == pytest.approx(100 * effect["mean"], abs=0.051)
        assert [_number(end) for end in row["95 % interval"].strip("[]").split(", ")] == pytest.approx(
            [100 * effect["low"], 100 * effect["high"]], abs=0.051
        )
        for column, name in (("p (max\N{NON-BREAKING HYPHEN}T)", "p_adjusted"), ("p (Holm)", "p_holm")):
            assert float(row[column]) == pytest.approx(effect[name], abs=0.0051)
        assert _number(row["Test accuracy, %"]) == pytest.approx(100 * effect["variant_mean"], abs=0.051)
        assert ("lost" in row["Runs"]) == (effect["diverged"] > 0)


def test_diverged_runs_are_counted_in_the_table(page: _Page) -> None:
    (sgd,) = [row for row in page.tables["Every comparison"] if row[1] == "sgd"]
    assert sgd[-1] == "9, 4 lost"


def test_both_modes_stand_side_by_side_and_effects_that_differ_come_first(built: ReportFiles, page: _Page) -> None:
    head, *rows = page.tables["Comparisons by learning-rate mode (exploratory)"]
    differs = [row[2] for row in rows]
    assert differs == sorted(differs, reverse=True)  # "yes" before "not shown"
    assert [row[:2] for row in rows if row[2] == "yes"] == [["normalization", "batch"], ["normalization", "layer"]]
    assert head[-4:] == ["carry minus find, points", "95 %, simultaneous", "p (max-T)", "Seeds"]
    assert {row[9].split("\N{NO-BREAK SPACE}")[1] for row in rows} == {"exploratory"}
    (line,) = (line for line in built.headline if "exploratory" in line)
    assert "the effect differs for 2 of 12 variants" in line


def test_hostile_names_are_text_everywhere(built: ReportFiles, page: _Page) -> None:
    text = built.html.read_text()
    assert page.tags["script"] == 1  # our own
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "$x_1$" in text
    for path in built.figures:
        assert "<script" not in path.read_text()


def test_the_page_loads_nothing(built: ReportFiles, page: _Page) -> None:
    for tag, name, value in page.attributes:
        assert name not in ("src", "srcset", "action", "data"), (tag, name, value)
        assert not name.startswith("on"), (tag, name, value)
        if name in ("href", "xlink:href") and not value.startswith("data:"):
            assert value.startswith("#"), (tag, value)
    targets = re.findall(r"url\(([^)]*)\)", built.html.read_text())
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert "@import" not in built.html.read_text()
    assert page.tags["link"] == page.tags["iframe"] == page.tags["object"] == page.tags["image"] == 0
    (policy,) = [value for tag, name, value in page.attributes if name == "content" and "default-src" in value]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("script-src").startswith("'sha256-")
    assert rules.pop("style-src-elem").startswith("'sha256-")
    assert rules == {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "style-src-attr": "'unsafe-inline'",
        "form-action": "'none'", "base-uri": "'none'", "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }  # fmt: skip
    assert "http" not in policy


def test_the_policy_allows_the_one_script_and_the_one_style_sheet_by_their_hashes(built: ReportFiles) -> None:
    text = built.html.read_text()
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in html.unescape(text)


def test_every_table_and_figure_can_be_taken_along(built: ReportFiles) -> None:
    saved = _Page(built.html.read_text()).downloads
    assert {path.name for path in built.figures} <= set(saved)
    assert {path.name for path in built.tables if path.suffix == ".csv"} <= set(saved)
    for path in (*built.figures, *built.tables):
        if path.name in saved:
            assert saved[path.name] == path.read_text()


def test_a_contrast_leads_to_its_runs_and_they_give_its_mean(built: ReportFiles, page: _Page) -> None:
    runs = pd.read_csv(built.html.parent / "tables" / "runs.csv", keep_default_na=False)
    for effect in built.effects.to_dict("records"):
        own = runs[(runs["variant"] == effect["variant"]) & (runs["mode"] == effect["mode"])]
        assert len(own) == effect["n"]
        assert own["difference (fraction)"].mean() == pytest.approx(effect["mean"])
        gap = own["value (fraction)"] - own["reference_value (fraction)"]
        assert gap.to_numpy() == pytest.approx(own["difference (fraction)"].to_numpy())
        assert set(own["reference_trial"]) == {f"ablation-reference--s{seed}" for seed in own["seed"]}
    _, *rows = page.tables["The runs behind each comparison"]
    assert len(rows) == len(runs) == 2 * 12 * 9
    assert page.tables["Every comparison"][0][-1] == "Runs"


def test_a_seeds_dot_names_its_run(built: ReportFiles) -> None:
    root = ElementTree.fromstring(next(path for path in built.figures if path.stem == "effects").read_text())
    said = [title.text or "" for dot in root.iter(f"{SVG}use") for title in dot.iter(f"{SVG}title")]
    runs = pd.read_csv(built.html.parent / "tables" / "runs.csv", keep_default_na=False)
    told = runs[(runs["mode"] == "find") & (runs["level"] != "sgd")]  # whose dots lie off the axis
    assert len([text for text in said if "sgd" not in text]) == len(told)
    first = told.iloc[0]
    assert any(first["trial"] in text and first["run_id"] in text for text in said)


def test_ids_are_unique_and_every_reference_has_its_target(built: ReportFiles, page: _Page) -> None:
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert [name for name, n in Counter(ids).items() if n > 1] == []
    named = [part for _, name, value in page.attributes if name == "aria-labelledby" for part in value.split()]
    pointed = [value[1:] for _, name, value in page.attributes if name == "href" and value[0] == "#"]
    clips = re.findall(r"url\(#([^)]*)\)", built.html.read_text())
    assert set(named) | set(pointed) | set(clips) <= set(ids)


def test_every_figure_has_a_title_a_description_and_a_view_box(built: ReportFiles, page: _Page) -> None:
    assert tuple(path.stem for path in built.figures) == FIGURES
    assert page.tags["svg"] == len(FIGURES)
    for path in built.figures:
        root = ElementTree.fromstring(path.read_text())
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert title.text
        assert description is not None
        assert description.text
        assert root.get("viewBox")


def test_a_full_report_is_small(built: ReportFiles) -> None:
    assert built.html.stat().st_size < 1_220_000  # 1,206 kB, half of it the files to take along


def test_the_headline_opens_the_page(built: ReportFiles) -> None:
    assert built.headline[0].startswith("The largest effect shown: normalization batch helps by")
    text = built.html.read_text()
    assert text.index(built.headline[0].split(" [")[0]) < text.index("<h2")


def test_results_csv_alone_is_enough(built_bare: ReportFiles) -> None:
    text = built_bare.html.read_text()
    assert [path.stem for path in built_bare.figures] == ["effects", "history", "importances"]
    assert "How training went" not in text
    assert "Learning-rate tests" not in text
    assert "The study file" not in text
    assert "Fair learning rates" not in text
    assert built_bare.effects_tex.read_text().count("\\\\") >= 12


def test_the_same_folder_gives_the_same_bytes_twice(built_bare: ReportFiles) -> None:
    written = (built_bare.html, built_bare.effects_csv, built_bare.effects_tex, *built_bare.figures)
    before = [path.read_bytes() for path in written]
    build_report(built_bare.html.parent)
    assert [path.read_bytes() for path in written] == before


def test_a_quick_interrupted_run_on_the_stand_in_says_so_loudly(built_bare: ReportFiles, tmp_path: Path) -> None:
    shutil.copy(built_bare.html.parent / "results.csv", tmp_path)
    results = pd.read_csv(tmp_path / "results.csv", keep_default_na=False)
    results[results["phase"] == "ablation"].to_csv(tmp_path / "results.csv", index=False)
    facts = provenance() | {"quick": True, "interrupted": True, "complete": False}
    facts["data"] = {"name": "cifar10", "stand_in": True}
    (tmp_path / "provenance.json").write_text(json.dumps(facts))
    text = build_report(tmp_path).html.read_text()
    for word in ("Not real data", "Quick run", "Interrupted"):
        assert re.search(rf'class="banner"[^>]*><strong>⚠ {word}', text)
    assert len(re.findall(r'<li class="failed">', text)) == 4  # real data, every run, full budget, code


@pytest.mark.slow
def test_both_references_and_a_foreign_metric_make_a_page(tmp_path: Path) -> None:
    stated = {"name": "mse", "direction": "minimize", "unit": "", "scale": 1.0, "margin": None}
    facts = dict.fromkeys(provenance()) | {"foreign": True, "source": "runs.csv", "metric": stated}
    built = build_report(write_study(tmp_path / "s", n_seeds=6, both=True, facts=facts))
    text = built.html.read_text()
    page = _Page(text)
    head, *rows = page.tables["Every comparison"]
    assert "Difference (+ is better)" in head  # lower is better, and the unit is not known
    assert "MSE" in head
    named = {(row[0], row[1]) for row in rows}
    assert {("configuration", "best of the search"), ("normalization, changed in the best", "none")} <= named
    assert "This table was made elsewhere and read from runs.csv" in text
    assert any(said in text for said in ("how its runs were made and tuned is not known", "of the table"))
    assert "Confirmed" not in text


def test_one_seed_and_nothing_finished_still_make_a_page(tmp_path: Path) -> None:
    write_study(tmp_path, n_seeds=1, bare=True)
    results = pd.read_csv(tmp_path / "results.csv", keep_default_na=False)
    results.loc[results["variant"] != "reference", ["state", "score", "test_accuracy"]] = ["diverged", "", ""]
    results.to_csv(tmp_path / "results.csv", index=False)
    built = build_report(tmp_path)
    assert "Runs were lost, so no size is claimed" in built.html.read_text()


def test_a_table_without_rows_makes_a_page_without_figures(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("trial,phase,variant,factor,level,seed,state,score\n")
    built = build_report(tmp_path)
    assert built.figures == ()
    assert "no ablation results yet" in built.html.read_text()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    write_study(tmp_path, n_seeds=1, bare=True)
    (tmp_path / "lr_tests.json").write_text("[{]")
    with pytest.raises(DataError, match=r"lr_tests\.json: is not JSON"):
        build_report(tmp_path)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    write_study(tmp_path / "s", n_seeds=1, bare=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s" / "tables").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"tables: is a link, which the report never follows\n  delete the link"):
        build_report(tmp_path / "s")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.toml", b"\xff\xfe"), ("epochs.csv", b"trial,epoch\na"),
        ("provenance.json", b'{"time": 3}'), ("lr_tests.json", b"{}"), ("results.csv", b"trial\n\0"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, name: str, content: bytes) -> None:
    write_study(tmp_path, n_seeds=1)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(name)):
        build_report(tmp_path)
