"""A study's tables into one HTML file that can be mailed, with the figures and tables beside it."""

from ablate.report.build import ReportFiles, build_report

__all__ = ["ReportFiles", "build_report"]
