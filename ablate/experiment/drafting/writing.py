"""Write a drafted study and its code into files; nothing that exists is overwritten."""

from pathlib import Path

from ablate.errors import StudyError
from ablate.experiment.drafting.draft import Draft, text_of
from ablate.storage.files.atomic import opening, write_new


def write_draft(draft: Draft, path: Path) -> list[Path]:
    """Write the study file, and its code where it has some; the files that were written.

    Raises `StudyError` if one of them exists, before any is written.
    """
    texts = {path: text_of(draft)}
    if draft.code is not None:
        texts = {draft.code.path: draft.code.text, **texts}
    for file in texts:
        if file.exists():
            raise StudyError(f"{file} already exists\n  edit it, or choose another name: --name NAME")
    for file, text in texts.items():
        with opening(file.parent):
            write_new(file, text)
    return list(texts)
