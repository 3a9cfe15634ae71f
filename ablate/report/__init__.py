"""Turn a study's tables into one HTML file that can be mailed, with its figures and tables as files beside it."""

from ablate.report.build import ReportFiles, build_report

__all__ = ["ReportFiles", "build_report"]
