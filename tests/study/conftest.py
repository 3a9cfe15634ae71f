"""What the tests of study files share: loading a text, and the message with which one is refused."""

import pytest
from study_texts import GOOD

from ablate.errors import StudyError
from ablate.study.load import load_study


@pytest.fixture
def load(tmp_path):
    """Loads the text of a study file named x.toml."""

    def load(text=GOOD, *overrides, quick=False):
        path = tmp_path / "x.toml"
        path.write_text(text, encoding="utf-8")
        return load_study(path, overrides=overrides, quick=quick)

    return load


@pytest.fixture
def complaint(load, tmp_path):
    """The message with which a study file is refused, the folder left out."""

    def complaint(text=GOOD, *overrides, quick=False):
        with pytest.raises(StudyError) as caught:
            load(text, *overrides, quick=quick)
        message = str(caught.value)
        assert message.count("\n") <= 2
        return message.replace(f"{tmp_path}/", "")

    return complaint
