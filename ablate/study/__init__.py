"""A TOML file and overrides into a checked, frozen `Study`, and a `Study` back into TOML."""

from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef
from ablate.study.names import NAME_RULE, find_study, is_safe_name, list_studies, to_safe_name
from ablate.study.settings import (
    Ablation,
    Data,
    Inspect,
    Limits,
    LrTest,
    Retries,
    Schedule,
    Search,
    Study,
    Training,
    Transfer,
)
from ablate.study.toml import settings, to_toml
from ablate.study.trial import Monitor

__all__ = [
    "NAME_RULE",
    "Ablation",
    "Data",
    "Inspect",
    "Limits",
    "LrTest",
    "ModelRef",
    "Monitor",
    "Retries",
    "Schedule",
    "Search",
    "Study",
    "Training",
    "Transfer",
    "find_study",
    "is_safe_name",
    "list_studies",
    "load_study",
    "settings",
    "to_safe_name",
    "to_toml",
]
