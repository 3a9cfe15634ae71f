import shutil

from ablate.report import ReportFiles
from ablate.report.inputs import factor_name, read_inputs
from ablate.report.origin import origin_section
from ablate.report.page import Definitions
from ablate.storage.verified import Check, Round, write_rounds

EQUAL = Check("a", "equal", 0.0, ("finished", "finished"), (0.5, 0.5), {"score": 0.0}, None)


def said(folder) -> dict[str, str]:
    blocks = origin_section(read_inputs(folder)).blocks
    return dict(pair for block in blocks if isinstance(block, Definitions) for pair in block.pairs)


def test_the_provenance_says_what_retraining_showed_and_before_how_to_do_it(built: ReportFiles, tmp_path):
    folder = shutil.copytree(built.html.parent, tmp_path / "study", ignore=shutil.ignore_patterns("figures", "tables"))
    assert said(folder)["Verified"].startswith("not yet; ablate verify cifar_mlp ")
    write_rounds(folder, [Round("2026-11-21T10:30:00", 127, {}, (), (EQUAL,))])
    assert said(folder)["Verified"] == "1 of 127 trials was retrained on 2026-11-21: equal to the bit"


def test_a_bare_table_has_nothing_to_be_retrained_from(built_bare: ReportFiles):
    assert "Verified" not in said(built_bare.html.parent)


def test_a_factor_is_called_by_its_own_name_whatever_its_column_is_called():
    assert [factor_name(column) for column in ("epochs_setting", "data_setting", "epochs", "my_setting", "norm")] == [
        "epochs", "data", "epochs", "my_setting", "norm",
    ]  # fmt: skip
