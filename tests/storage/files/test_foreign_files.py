import json

import pytest

from ablate.errors import AblateError
from ablate.storage.files.foreign_files import check_folder, check_report, is_own

PAGE = "<!doctype html>" + "/* style */" * 500 + '<meta name="generator" content="ablate">'
OWN = {
    "begun.json": '{"seed": 1}',
    "trials.jsonl": '{"spec": {"trial": "search-0000"}}\n',
    "provenance.json": json.dumps({"study": "tiny", "data": {}, "ablate_version": "0.1.0"}),
    "report.html": PAGE,
}


@pytest.mark.parametrize("name", OWN)
def test_a_folder_is_ablate_s_where_a_file_says_so(tmp_path, name):
    (tmp_path / name).write_text(OWN[name])
    (tmp_path / "results.csv").write_text("x")
    assert is_own(tmp_path)
    check_folder(tmp_path)
    check_report(tmp_path)


def test_so_is_one_in_which_analyze_has_put_a_table_of_ablate_s(tmp_path):
    facts = {"study": "tiny", "source": "results.csv"}
    (tmp_path / "provenance.json").write_text(json.dumps(facts, indent=2))
    assert is_own(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.csv", "model,accuracy\n"),
        ("report.html", "<html>mine</html>"),
        ("study.toml", "mine = 1"),
        ("provenance.json", '{"source": "me"}'),
        ("trials.jsonl", '{"loss": 0.5}\n'),
        ("search.db", "SQLite format 3\0"),
    ],
)
def test_a_study_writes_over_no_file_of_somebody_else(tmp_path, name, content):
    check_folder(tmp_path / "new")
    (tmp_path / "notes.txt").write_text("these are in nobody's way")
    check_folder(tmp_path)
    (tmp_path / name).write_text(content)
    assert not is_own(tmp_path)
    with pytest.raises(AblateError, match=f"holds {name}, which ablate did not write"):
        check_folder(tmp_path)


def test_a_link_that_leads_nowhere_is_in_the_way_too(tmp_path):
    (tmp_path / "results.csv").symlink_to("nowhere")
    with pytest.raises(AblateError, match=r"holds results\.csv, which ablate did not write"):
        check_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "is_refused"),
    [
        ("report.html", "<html>mine</html>", True),
        ("report.html", PAGE, False),
        ("effects.csv", "drug,effect\n", True),
        ("effects.csv", "factor,level,variant,mode,against,n\n", False),
        ("epochs.csv", "trial,epoch\n", False),  # which a report reads
    ],
)
def test_a_report_on_a_table_writes_over_its_own_pages_alone(tmp_path, name, content, is_refused):
    (tmp_path / "results.csv").write_text("trial,phase\n")
    (tmp_path / name).write_text(content)
    if not is_refused:
        check_report(tmp_path)
        return
    with pytest.raises(AblateError, match=f"holds {name}, which ablate did not write"):
        check_report(tmp_path)
